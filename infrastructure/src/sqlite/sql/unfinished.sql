-- The newest command of a type for an aggregate that has not succeeded.
--   ?1 tenant  ?2 target  ?3 type
SELECT {command} FROM commands c
WHERE c.tenant = ?1 AND c.target = ?2 AND c.command_type = ?3 AND c.status <> 1
ORDER BY c.accepted_at DESC LIMIT 1
