-- Instances of processes.
--   $1 types  $2 tenants  $3 ids
SELECT p.process_type, p.tenant, p.process_id, version, state_version, state, holds, awaits, progress, ended_at, parked,
       partition, depth, correlation_id, caused_by, actor, traceparent, begun_at, seen, resumed
FROM unnest($1::text[], $2::text[], $3::text[]) AS n (process_type, tenant, process_id)
JOIN processes p USING (process_type, tenant, process_id)
