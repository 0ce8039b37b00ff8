-- Leaves signals of events for instances.
--   ?1 partition of the events  ?2 a JSON array of arrays: offset, address, partition of the instance, tenant, command,
--      turn
INSERT INTO signals (source, "offset", address, partition, tenant, command_id, at)
SELECT ?1, value ->> 0, value ->> 1, value ->> 2, value ->> 3, unhex(value ->> 4), value ->> 5
FROM json_each(?2)
WHERE true
ON CONFLICT DO NOTHING
