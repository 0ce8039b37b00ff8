-- What becomes of attempts that are stored.
--   rows: command_id, tenant, how many had begun, destination, attempt, begun_at, in_doubt, due_at
UPDATE attempts
SET destination = n.column4, attempt = n.column5, begun_at = n.column6, in_doubt = n.column7, due_at = n.column8
FROM (VALUES rows) AS n
WHERE attempts.command_id = n.column1 AND attempts.tenant = n.column2 AND attempts.attempt = n.column3
