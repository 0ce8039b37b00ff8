-- Which of these instances stand still: the number of rows that are changed, to what they were.
--   rows: process_type, tenant, process_id
UPDATE processes SET parked = parked
FROM (VALUES rows) AS n
WHERE process_type = n.column1 AND processes.tenant = n.column2 AND process_id = n.column3
    AND parked IS NOT NULL AND ended_at IS NULL
