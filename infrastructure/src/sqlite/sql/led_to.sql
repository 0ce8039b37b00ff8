-- What commands led to, in order of acceptance.
--   ?1 ids  ?2 tenant  ?3 most
SELECT {command} FROM commands c
WHERE c.caused_by IN (SELECT unhex(value) FROM json_each(?1)) AND c.tenant = ?2
ORDER BY c.accepted_at, c.id LIMIT ?3
