-- The activities whose next attempt is due, so many of each destination of each partition. The destinations are found one
-- after the other in the index, so that it does not matter how much waits for those that are left out. Of very many,
-- those that are due first.
--   $1 partitions  $2 the present  $3 limit per destination  $4 destinations that are left out  $5 limit
WITH RECURSIVE d (partition, destination) AS (
    SELECT p.id, (SELECT min(a.destination) FROM attempts a WHERE a.partition = p.id)
    FROM unnest($1::smallint[]) AS p (id)
    UNION ALL
    SELECT d.partition, (SELECT min(a.destination) FROM attempts a
                         WHERE a.partition = d.partition AND a.destination > d.destination)
    FROM d WHERE d.destination IS NOT NULL
)
SELECT a.destination, a.attempt, a.begun_at, a.in_doubt, a.due_at, {command}
FROM d
CROSS JOIN LATERAL (
    SELECT * FROM attempts
    WHERE partition = d.partition AND destination = d.destination AND due_at <= $2
    ORDER BY due_at LIMIT $3
) a
JOIN commands c ON c.id = a.command_id AND c.tenant = a.tenant
WHERE d.destination IS NOT NULL AND d.destination <> ALL($4::text[])
ORDER BY a.due_at LIMIT $5
