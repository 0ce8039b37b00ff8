-- How many commands are scheduled, up to a limit, and since when the oldest waits that is due; how many instances of
-- processes stand still, up to that limit, and when the oldest timer was due that has not fired.
--   $1 the present  $2 limit
SELECT (
    SELECT count(*) FROM (
        SELECT FROM commands WHERE status = 0 AND not_before IS NOT NULL AND not_before > $1 LIMIT $2
    ) AS scheduled
), (
    SELECT min(oldest.since) FROM partitions p CROSS JOIN LATERAL (
        (
            SELECT c.accepted_at AS since FROM commands c
            WHERE c.partition = p.id AND c.status = 0 AND c.not_before IS NULL
            ORDER BY c.accepted_at, c.id LIMIT 1
        )
        UNION ALL
        (
            SELECT c.not_before FROM commands c
            WHERE c.partition = p.id AND c.status = 0 AND c.not_before IS NOT NULL AND c.not_before <= $1
            ORDER BY c.not_before LIMIT 1
        )
    ) AS oldest
), (
    SELECT count(*) FROM (SELECT FROM processes WHERE parked IS NOT NULL AND ended_at IS NULL LIMIT $2) AS parked
), (
    SELECT min(oldest.due_at) FROM partitions p CROSS JOIN LATERAL (
        SELECT t.due_at FROM timers t
        WHERE t.partition = p.id AND NOT t.parked AND t.due_at <= $1
        ORDER BY t.due_at LIMIT 1
    ) AS oldest
)
