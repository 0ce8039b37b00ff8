-- Settles commands that are open. An open one has no offset; asked like this the index of open commands, which may
-- be long, is no way to find it.
--   rows: id, status, settled_at, attempts, version, error, offset
UPDATE commands
SET status = o.column2, settled_at = o.column3, attempts = o.column4, version = o.column5, error = o.column6,
    "offset" = o.column7
FROM (VALUES rows) AS o
WHERE commands.id = o.column1 AND commands."offset" IS NULL
