-- The next events to adopt.
--   $1 limit
SELECT aggregate_type, aggregate_id, sequence
FROM events
WHERE "offset" IS NULL
ORDER BY aggregate_type, aggregate_id, sequence LIMIT $1
