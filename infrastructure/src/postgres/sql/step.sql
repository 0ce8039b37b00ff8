-- Comes behind the statement that writes a unit of work: what instances of processes did.
--   $90 instances  $91 signals that were handled  $92 timers that have fired  $93 timers to stop  $94 timers to set
--   $95 instances that stand still  $96 commands that are running now
, wilco_step($90, $91, $92, $93, $94, $95, $96)
