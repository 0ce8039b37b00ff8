-- The open commands of a partition that are due and not blocked, in order of acceptance.
--   ?1 partition  ?2 the present  ?3 limit
SELECT * FROM (
    SELECT {command}
    FROM commands c INDEXED BY commands_open
    WHERE c.partition = ?1 AND c.status = 0 AND c.not_before IS NULL
      AND NOT EXISTS (SELECT 1 FROM blocked_commands b WHERE b.command_id = c.id AND b.tenant = c.tenant)
    ORDER BY c.accepted_at, c.id LIMIT ?3
)
UNION ALL
SELECT * FROM (
    SELECT {command}
    FROM commands c INDEXED BY commands_scheduled
    WHERE c.partition = ?1 AND c.status = 0 AND c.not_before IS NOT NULL AND c.not_before <= ?2
      AND NOT EXISTS (SELECT 1 FROM blocked_commands b WHERE b.command_id = c.id AND b.tenant = c.tenant)
    ORDER BY c.accepted_at, c.id LIMIT ?3
)
ORDER BY accepted_at, id LIMIT ?3
