-- An instance begins; one that is there already is left alone, and missed by the caller.
--   rows: the columns
INSERT INTO processes (process_type, tenant, process_id, version, state_version, state, holds, awaits, progress, ended_at,
                       parked, partition, depth, correlation_id, caused_by, actor, traceparent, begun_at, seen)
SELECT * FROM (VALUES rows) WHERE column1 IS NOT NULL
ON CONFLICT DO NOTHING
