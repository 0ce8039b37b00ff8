-- Timers that are not to fire.
--   rows: process_type, tenant, process_id, name
DELETE FROM timers
WHERE (process_type, tenant, process_id, name) IN (SELECT * FROM (VALUES rows) WHERE column1 IS NOT NULL)
