-- How many commands are scheduled, up to a limit, and since when the oldest waits that is due.
--   ?1 the present  ?2 limit
SELECT (
    SELECT count(*) FROM (
        SELECT 1 FROM commands c INDEXED BY commands_scheduled
        WHERE c.status = 0 AND c.not_before IS NOT NULL AND c.not_before > ?1
        LIMIT ?2
    )
), (
    SELECT min(since) FROM (
        SELECT (
            SELECT c.accepted_at FROM commands c INDEXED BY commands_open
            WHERE c.partition = p.id AND c.status = 0 AND c.not_before IS NULL
            ORDER BY c.accepted_at, c.id LIMIT 1
        ) AS since FROM partitions p
        UNION ALL
        SELECT (
            SELECT c.not_before FROM commands c INDEXED BY commands_scheduled
            WHERE c.partition = p.id AND c.status = 0 AND c.not_before IS NOT NULL AND c.not_before <= ?1
            ORDER BY c.not_before LIMIT 1
        ) FROM partitions p
    )
)
