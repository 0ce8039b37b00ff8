-- Instances go on from the version that they had.
--   rows: process_type, tenant, process_id, version, state_version, state, holds, awaits, progress, ended_at, parked,
--         seen, resumed, version before
UPDATE processes
SET (version, state_version, state, holds, awaits, progress, ended_at, parked, seen, resumed)
  = (n.column4, n.column5, n.column6, n.column7, n.column8, n.column9, n.column10, n.column11, n.column12,
     n.column13)
FROM (VALUES rows) AS n
WHERE process_type = n.column1 AND tenant = n.column2 AND process_id = n.column3 AND processes.version = n.column14
