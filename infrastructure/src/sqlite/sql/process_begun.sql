-- Open commands that are running from now on.
--   rows: id, tenant
UPDATE commands SET status = 4
FROM (VALUES rows) AS n
WHERE commands.id = n.column1 AND commands.tenant = n.column2 AND commands.status = 0
