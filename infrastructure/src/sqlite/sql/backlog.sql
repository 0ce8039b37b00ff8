-- Counts the open commands that are due, up to a limit.
--   ?1 the present  ?2 limit
SELECT (
    SELECT count(*) FROM (SELECT 1 FROM commands WHERE status = 0 AND not_before IS NULL LIMIT ?2)
) + (
    SELECT count(*) FROM (
        SELECT 1 FROM partitions p CROSS JOIN commands c
        WHERE c.partition = p.id AND c.status = 0 AND c.not_before IS NOT NULL AND c.not_before <= ?1
        LIMIT ?2
    )
)
