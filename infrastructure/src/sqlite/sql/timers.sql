-- The timers of a partition that fire by a time, in order.
--   ?1 partition  ?2 time  ?3 limit
SELECT process_type, tenant, process_id, name, partition, due_at
FROM timers INDEXED BY timers_due
WHERE partition = ?1 AND parked = 0 AND due_at <= ?2
ORDER BY due_at LIMIT ?3
