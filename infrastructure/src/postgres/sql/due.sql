-- The open commands that are due and not blocked, in order of acceptance, so many of each partition.
--   $1 partitions  $2 the present  $3 limit per partition
SELECT c.*
FROM unnest($1::smallint[]) AS p (id)
CROSS JOIN LATERAL (
    (
        SELECT {command}
        FROM commands c
        WHERE c.partition = p.id AND c.status = 0 AND c.not_before IS NULL
          AND NOT EXISTS (SELECT 1 FROM blocked_commands b WHERE b.command_id = c.id AND b.tenant = c.tenant)
        ORDER BY c.accepted_at, c.id LIMIT $3
    )
    UNION ALL
    (
        SELECT {command}
        FROM commands c
        WHERE c.partition = p.id AND c.status = 0 AND c.not_before IS NOT NULL AND c.not_before <= $2
          AND NOT EXISTS (SELECT 1 FROM blocked_commands b WHERE b.command_id = c.id AND b.tenant = c.tenant)
        ORDER BY c.accepted_at, c.id LIMIT $3
    )
    ORDER BY accepted_at, id LIMIT $3
) c
