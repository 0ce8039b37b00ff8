-- Appends events.
--   ?1 a JSON array of arrays: aggregate_type, aggregate_id, sequence, event_type, event_version, payload, metadata,
--      partition, offset
WITH given AS MATERIALIZED (SELECT value FROM json_each(?1))
INSERT INTO events (aggregate_type, aggregate_id, sequence, event_type, event_version, payload, metadata, partition,
                    "offset")
SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6, value ->> 7,
       value ->> 8
FROM given
