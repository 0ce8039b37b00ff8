-- Writes views, each unless a newer one is there. The same version is written anew: that is what rebuilding
-- is for.
--   rows: view_id, version, payload, status, gone, fingerprint
INSERT INTO views (view_id, version, payload, status, gone, fingerprint)
SELECT * FROM (VALUES rows) WHERE column1 IS NOT NULL
ON CONFLICT (view_id) DO UPDATE
SET version = excluded.version, payload = excluded.payload, status = excluded.status, gone = excluded.gone,
    fingerprint = excluded.fingerprint
WHERE views.version <= excluded.version
