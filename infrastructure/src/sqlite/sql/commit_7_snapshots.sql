-- Writes snapshots, each unless as new a one is there.
--   rows: aggregate_type, aggregate_id, version, payload, fingerprint
INSERT INTO aggregate_snapshots (aggregate_type, aggregate_id, version, payload, fingerprint)
SELECT * FROM (VALUES rows) WHERE column1 IS NOT NULL
ON CONFLICT (aggregate_type, aggregate_id) DO UPDATE
SET version = excluded.version, payload = excluded.payload, fingerprint = excluded.fingerprint
WHERE aggregate_snapshots.version < excluded.version
