-- Writes the views that are not there yet as they should be, each unless as new a one is there.
--   rows: view_id, version, payload, status, gone
INSERT INTO views (view_id, version, payload, status, gone)
SELECT * FROM (VALUES rows) AS n
WHERE n.column1 IS NOT NULL
  AND NOT EXISTS (SELECT 1 FROM views v WHERE v.view_id = n.column1 AND v.version >= n.column2)
ON CONFLICT (view_id) DO UPDATE
SET version = excluded.version, payload = excluded.payload, status = excluded.status, gone = excluded.gone
