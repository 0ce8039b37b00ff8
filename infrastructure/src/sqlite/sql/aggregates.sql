-- The aggregates of a type, by id: from each to the next by the key, past all its events.
--   ?1 aggregate type  ?2 after this id  ?3 limit
WITH RECURSIVE ids (aggregate_id) AS (
    SELECT min(aggregate_id) FROM events WHERE aggregate_type = ?1 AND aggregate_id > ?2
    UNION ALL
    SELECT (SELECT min(e.aggregate_id) FROM events e WHERE e.aggregate_type = ?1 AND e.aggregate_id > ids.aggregate_id)
    FROM ids
    WHERE ids.aggregate_id IS NOT NULL
)
SELECT aggregate_id FROM ids WHERE aggregate_id IS NOT NULL LIMIT ?3
