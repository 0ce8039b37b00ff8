-- Where the attempts at these commands stand.
--   ?1 their names, a JSON array of [id as hex, tenant]
SELECT a.destination, a.attempt, a.begun_at, a.in_doubt, a.due_at, a.command_id, a.tenant
FROM json_each(?1) AS n
JOIN attempts a ON a.command_id = unhex(n.value ->> 0) AND a.tenant = n.value ->> 1
