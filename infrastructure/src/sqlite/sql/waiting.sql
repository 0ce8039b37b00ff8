-- How many commands are scheduled, up to a limit, and since when the oldest waits that is due; how many instances of
-- processes stand still, up to that limit, and when the oldest timer was due that has not fired.
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
), (
    SELECT count(*) FROM (
        SELECT 1 FROM processes INDEXED BY processes_parked WHERE parked IS NOT NULL AND ended_at IS NULL LIMIT ?2
    )
), (
    SELECT min(due) FROM (
        SELECT (
            SELECT t.due_at FROM timers t INDEXED BY timers_due
            WHERE t.partition = p.id AND t.parked = 0 AND t.due_at <= ?1
            ORDER BY t.due_at LIMIT 1
        ) AS due FROM partitions p
    )
)
