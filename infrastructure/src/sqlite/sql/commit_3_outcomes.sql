-- Settles commands that are open. An open one has no offset; asked like this the index of open commands, which may
-- be long, is no way to find it.
--   ?1 a JSON array of arrays: id in hexadecimal, [status, settled_at, attempts, version, error, offset]
WITH given AS MATERIALIZED (SELECT value FROM json_each(?1))
UPDATE commands
SET status = o.status, settled_at = o.settled_at, attempts = o.attempts, version = o.version, error = o.error,
    "offset" = o."offset"
FROM (
    SELECT unhex(value ->> 0) AS id, value ->> '$[1][0]' AS status, value ->> '$[1][1]' AS settled_at,
           value ->> '$[1][2]' AS attempts, value ->> '$[1][3]' AS version, value ->> '$[1][4]' AS error,
           value ->> '$[1][5]' AS "offset"
    FROM given
) AS o
WHERE commands.id = o.id AND commands."offset" IS NULL
