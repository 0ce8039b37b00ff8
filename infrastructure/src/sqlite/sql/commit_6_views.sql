-- Writes the views that are not there yet as they should be, each unless as new a one is there.
--   ?1 a JSON array of arrays: view_id, version, payload, status, gone
WITH given AS MATERIALIZED (SELECT value FROM json_each(?1))
INSERT INTO views (view_id, version, payload, status, gone)
SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4
FROM given
WHERE NOT EXISTS (SELECT 1 FROM views v WHERE v.view_id = value ->> 0 AND v.version >= value ->> 1)
ON CONFLICT (view_id) DO UPDATE
SET version = excluded.version, payload = excluded.payload, status = excluded.status, gone = excluded.gone
