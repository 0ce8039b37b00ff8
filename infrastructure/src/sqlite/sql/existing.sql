-- The commands with one of these ids, or one of these keys.
--   ?1 a JSON array of ids, in hexadecimal  ?2 a JSON array of arrays: tenant, idempotency key
SELECT {command}
FROM json_each(?1) AS i CROSS JOIN commands c ON c.id = unhex(i.value)
UNION ALL
SELECT {command}
FROM json_each(?2) AS k
CROSS JOIN commands c ON c.tenant = k.value ->> 0 AND c.idempotency_key = k.value ->> 1
