-- Counts the open commands that are due, up to a limit.
--   $1 the present  $2 limit
SELECT (
    SELECT count(*) FROM (
        SELECT FROM commands WHERE status = 0 AND not_before IS NULL LIMIT $2
    ) AS immediate
) + (
    SELECT count(*) FROM partitions p CROSS JOIN LATERAL (
        SELECT FROM commands c
        WHERE c.partition = p.id AND c.status = 0 AND c.not_before IS NOT NULL AND c.not_before <= $1
        LIMIT $2
    ) AS scheduled
)
