-- Writes views, each unless as new a one is there.
--   ?1 a JSON array of arrays: view_id, version, payload, status, gone
WITH given AS MATERIALIZED (SELECT value FROM json_each(?1))
INSERT INTO views (view_id, version, payload, status, gone)
SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4
FROM given
WHERE true
ON CONFLICT (view_id) DO UPDATE
SET version = excluded.version, payload = excluded.payload, status = excluded.status, gone = excluded.gone
WHERE views.version < excluded.version
