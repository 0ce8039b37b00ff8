-- Comes behind the statement that writes a unit of work: what instances of processes did, and attempts at activities.
--   $90 instances  $91 signals that were handled  $92 timers that have fired  $93 timers to stop  $94 timers to set
--   $95 instances that stand still  $96 commands that are running now
--   $97 attempts  $98 results of commands  $99 commands that are postponed
, wilco_step($90, $91, $92, $93, $94, $95, $96)
, wilco_attempt($97, $98, $99)
