-- Writes views, each unless a newer one is there. The same version is written anew: that is what rebuilding
-- is for.
--   ?1 a JSON array of arrays: view_id, version, payload, status, gone
INSERT INTO views (view_id, version, payload, status, gone)
SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4
FROM json_each(?1)
WHERE true
ON CONFLICT (view_id) DO UPDATE
SET version = excluded.version, payload = excluded.payload, status = excluded.status, gone = excluded.gone
WHERE views.version <= excluded.version
