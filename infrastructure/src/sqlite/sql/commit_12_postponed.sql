-- Open commands that are not to be applied before then.
--   rows: id, tenant, time
UPDATE commands SET not_before = n.column3
FROM (VALUES rows) AS n
WHERE commands.id = n.column1 AND commands.tenant = n.column2 AND commands.status = 0
