-- Timers to set, or to set anew.
--   rows: process_type, tenant, process_id, name, partition, due_at
INSERT INTO timers (process_type, tenant, process_id, name, partition, due_at)
SELECT * FROM (VALUES rows) WHERE column1 IS NOT NULL
ON CONFLICT DO UPDATE SET due_at = excluded.due_at, parked = 0
