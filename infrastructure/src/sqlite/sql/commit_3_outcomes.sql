-- Settles commands that are open. An open one has no offset; asked like this the index of open commands, which may
-- be long, is no way to find it.
--   rows: id, tenant, {settled}
UPDATE commands
SET ({settled}) = (o.column3, o.column4, o.column5, o.column6, o.column7, o.column8)
FROM (VALUES rows) AS o
WHERE commands.id = o.column1 AND commands.tenant = o.column2 AND commands."offset" IS NULL
