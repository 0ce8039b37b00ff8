-- The destinations of a partition, found one after the other in the index.
--   ?1 partition
WITH RECURSIVE d (destination) AS (
    SELECT min(destination) FROM attempts WHERE partition = ?1
    UNION ALL
    SELECT (SELECT min(a.destination) FROM attempts a WHERE a.partition = ?1 AND a.destination > d.destination)
    FROM d WHERE d.destination IS NOT NULL
)
SELECT destination FROM d WHERE destination IS NOT NULL
