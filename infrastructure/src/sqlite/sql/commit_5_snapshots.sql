-- Writes snapshots, each unless as new a one is there.
--   ?1 a JSON array of arrays: aggregate_type, aggregate_id, version, payload
INSERT INTO aggregate_snapshots (aggregate_type, aggregate_id, version, payload)
SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3
FROM json_each(?1)
WHERE true
ON CONFLICT (aggregate_type, aggregate_id) DO UPDATE
SET version = excluded.version, payload = excluded.payload
WHERE aggregate_snapshots.version < excluded.version
