-- What commands that were settled give beside their resources.
--   rows: id, tenant, result
UPDATE commands SET result = n.column3
FROM (VALUES rows) AS n
WHERE commands.id = n.column1 AND commands.tenant = n.column2
