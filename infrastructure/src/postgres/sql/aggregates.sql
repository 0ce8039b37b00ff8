-- The aggregates of a type, by id: from each to the next by the key, past all its events.
--   $1 aggregate type  $2 after this id  $3 limit
WITH RECURSIVE ids AS (
    (
        SELECT aggregate_id, 1 AS n FROM events
        WHERE aggregate_type = $1 AND aggregate_id > $2
        ORDER BY aggregate_id LIMIT 1
    )
    UNION ALL
    SELECT next.aggregate_id, ids.n + 1
    FROM ids
    CROSS JOIN LATERAL (
        SELECT aggregate_id FROM events
        WHERE aggregate_type = $1 AND aggregate_id > ids.aggregate_id
        ORDER BY aggregate_id LIMIT 1
    ) next
    WHERE ids.n < $3
)
SELECT aggregate_id FROM ids WHERE n <= $3
