-- Lets go of what waits behind commands that are no more blocked, since they were settled: cancelled, say.
--   $1 partitions
DELETE FROM blocked_commands b
WHERE b.partition = ANY ($1)
  AND NOT EXISTS (
    SELECT FROM blocked_commands h JOIN commands c ON c.id = h.command_id AND c.tenant = h.tenant
    WHERE h.aggregate_type = b.aggregate_type AND h.target = b.target AND NOT h.behind AND c.status = 0
  )
