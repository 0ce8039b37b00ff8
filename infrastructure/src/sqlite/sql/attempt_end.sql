-- Activities that are settled.
--   rows: command_id, tenant, how many had begun
DELETE FROM attempts
WHERE (command_id, tenant, attempt) IN (SELECT * FROM (VALUES rows) WHERE column1 IS NOT NULL)
