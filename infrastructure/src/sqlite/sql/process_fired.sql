-- Timers that have fired.
--   rows: process_type, tenant, process_id, name, due_at
DELETE FROM timers
WHERE (process_type, tenant, process_id, name, due_at) IN (SELECT * FROM (VALUES rows) WHERE column1 IS NOT NULL)
