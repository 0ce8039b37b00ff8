-- Those of these aggregates that commands are blocked for.
--   ?1 a JSON array of arrays: aggregate type, aggregate id
SELECT DISTINCT b.aggregate_type, b.target
FROM json_each(?1) AS k
CROSS JOIN blocked_commands b ON b.aggregate_type = k.value ->> 0 AND b.target = k.value ->> 1
