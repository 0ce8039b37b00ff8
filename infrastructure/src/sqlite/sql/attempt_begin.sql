-- The first that is stored of an activity.
--   rows: command_id, tenant, partition, destination, attempt, begun_at, in_doubt, due_at
INSERT INTO attempts (command_id, tenant, partition, destination, attempt, begun_at, in_doubt, due_at)
SELECT * FROM (VALUES rows) WHERE column1 IS NOT NULL
ON CONFLICT DO NOTHING
