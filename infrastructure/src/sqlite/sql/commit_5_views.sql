-- Writes views that are new or have the status they had, each unless as new a one is there. The latter leave the index
-- of statuses alone, and with it one page less is written for each.
--   rows: view_id, version, payload, status, gone, fingerprint
INSERT INTO views (view_id, version, payload, status, gone, fingerprint)
SELECT * FROM (VALUES rows) WHERE column1 IS NOT NULL
ON CONFLICT (view_id) DO UPDATE
SET version = excluded.version, payload = excluded.payload, fingerprint = excluded.fingerprint
WHERE views.version < excluded.version AND views.status = excluded.status AND views.gone = excluded.gone
