-- Writes snapshots, each unless as new a one is there.
--   rows: aggregate_type, aggregate_id, version, payload
INSERT INTO aggregate_snapshots (aggregate_type, aggregate_id, version, payload)
SELECT * FROM (VALUES rows) WHERE column1 IS NOT NULL
ON CONFLICT (aggregate_type, aggregate_id) DO UPDATE
SET version = excluded.version, payload = excluded.payload
WHERE aggregate_snapshots.version < excluded.version
