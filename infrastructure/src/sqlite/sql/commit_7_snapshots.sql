-- Writes snapshots, each unless as new a one is there.
--   ?1 a JSON array of arrays: aggregate_type, aggregate_id, version, payload
WITH given AS MATERIALIZED (SELECT value FROM json_each(?1))
INSERT INTO aggregate_snapshots (aggregate_type, aggregate_id, version, payload)
SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3
FROM given
WHERE true
ON CONFLICT (aggregate_type, aggregate_id) DO UPDATE
SET version = excluded.version, payload = excluded.payload
WHERE aggregate_snapshots.version < excluded.version
