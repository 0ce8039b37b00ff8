-- Appends events.
--   rows: aggregate_type, aggregate_id, sequence, event_type, event_version, payload, metadata, partition, offset
INSERT INTO events (aggregate_type, aggregate_id, sequence, event_type, event_version, payload, metadata, partition,
                    "offset")
SELECT * FROM (VALUES rows) WHERE column1 IS NOT NULL
