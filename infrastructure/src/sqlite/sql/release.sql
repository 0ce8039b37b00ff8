-- Lets go of what waits behind commands that are no more blocked, since they were settled: cancelled, say.
--   ?1 a JSON array of partitions
DELETE FROM blocked_commands AS b
WHERE b.partition IN (SELECT value FROM json_each(?1))
  AND NOT EXISTS (
    SELECT 1 FROM blocked_commands h JOIN commands c ON c.id = h.command_id AND c.tenant = h.tenant
    WHERE h.aggregate_type = b.aggregate_type AND h.target = b.target AND h.behind = 0 AND c.status = 0
  )
