-- The timers that fire by a time, in order, so many of each partition.
--   $1 partitions  $2 time  $3 limit per partition
SELECT t.process_type, t.tenant, t.process_id, t.name, t.partition, t.due_at
FROM unnest($1::smallint[]) AS p (id)
CROSS JOIN LATERAL (
    SELECT process_type, tenant, process_id, name, partition, due_at
    FROM timers
    WHERE partition = p.id AND NOT parked AND due_at <= $2
    ORDER BY due_at LIMIT $3
) t
ORDER BY t.due_at
