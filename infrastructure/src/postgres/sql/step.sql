-- Comes behind the statement that writes a unit of work: what instances of processes did, and attempts at activities.
--   $91 instances  $92 signals that were handled  $93 commands of which no signal is left
--   $94 timers that have fired  $95 timers to stop  $96 timers to set
--   $97 instances that stand still  $98 commands that are running now
--   $99 attempts  $100 results of commands  $101 commands that are postponed
, wilco_step_2($91, $92, $93, $94, $95, $96, $97, $98)
, wilco_attempt($99, $100, $101)
