-- Comes behind the statement that writes a unit of work: what instances of processes did, and attempts at activities.
--   $91 instances  $92 signals that were handled  $93 timers that have fired  $94 timers to stop  $95 timers to set
--   $96 instances that stand still  $97 commands that are running now
--   $98 attempts  $99 results of commands  $100 commands that are postponed
, wilco_step($91, $92, $93, $94, $95, $96, $97)
, wilco_attempt($98, $99, $100)
