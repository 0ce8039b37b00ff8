-- What is to come to instances that stand still waits.
--   rows: process_type, tenant, process_id
UPDATE signals SET parked = 1
FROM (VALUES rows) AS n
WHERE signals.tenant = n.column2 AND substr(address, 1, length(n.column1) + length(n.column3) + 2)
    = n.column1 || '/' || n.column3 || '/'
