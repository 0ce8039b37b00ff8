-- Instances of processes.
--   ?1 [type, tenant, id] of each, as JSON
SELECT p.process_type, p.tenant, p.process_id, version, state_version, state, holds, awaits, progress, ended_at, parked,
       partition, depth, correlation_id, caused_by, actor, traceparent, begun_at, seen, resumed
FROM json_each(?1) n
JOIN processes p ON p.process_type = n.value ->> 0 AND p.tenant = n.value ->> 1 AND p.process_id = n.value ->> 2
