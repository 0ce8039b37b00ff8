-- Notes kinds of events, each unless it is there.
--   rows: aggregate_type, event_type, event_version, aggregate_id, sequence
INSERT INTO event_kinds (aggregate_type, event_type, event_version, aggregate_id, sequence)
SELECT * FROM (VALUES rows) WHERE column1 IS NOT NULL
ON CONFLICT DO NOTHING
