-- The activities of a partition that ask a destination, and whose next attempt is due.
--   ?1 partition  ?2 destination  ?3 the present  ?4 limit
SELECT a.destination, a.attempt, a.begun_at, a.in_doubt, a.due_at, {command}
FROM attempts a INDEXED BY attempts_due
JOIN commands c ON c.id = a.command_id AND c.tenant = a.tenant
WHERE a.partition = ?1 AND a.destination = ?2 AND a.due_at <= ?3
ORDER BY a.due_at LIMIT ?4
