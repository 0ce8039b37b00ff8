-- The timers of instances that stand still do not fire.
--   rows: process_type, tenant, process_id
UPDATE timers SET parked = 1
FROM (VALUES rows) AS n
WHERE process_type = n.column1 AND timers.tenant = n.column2 AND process_id = n.column3
