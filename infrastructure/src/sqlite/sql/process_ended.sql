-- The timers of instances that have ended are gone with them.
--   rows: process_type, tenant, process_id
DELETE FROM timers
WHERE (process_type, tenant, process_id) IN (SELECT * FROM (VALUES rows) WHERE column1 IS NOT NULL)
