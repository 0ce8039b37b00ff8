-- Why these commands are blocked, as far as they are.
--   ?1 a JSON array of arrays: id in hexadecimal, tenant
-- Rows: id, tenant, reason.
SELECT b.command_id, b.tenant, b.reason
FROM json_each(?1) AS k
CROSS JOIN blocked_commands b ON b.command_id = unhex(k.value ->> 0) AND b.tenant = k.value ->> 1
