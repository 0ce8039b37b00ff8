-- Notes the kinds of events that were adopted.
--   $1 aggregate types  $2 aggregate ids  $3 sequences: arrays of the same length
INSERT INTO event_kinds (aggregate_type, event_type, event_version, aggregate_id, sequence)
SELECT DISTINCT ON (e.aggregate_type, e.event_type, e.event_version)
       e.aggregate_type, e.event_type, e.event_version, e.aggregate_id, e.sequence
FROM unnest($1::text[], $2::text[], $3::bigint[]) AS a (aggregate_type, aggregate_id, sequence)
JOIN events e ON e.aggregate_type = a.aggregate_type AND e.aggregate_id = a.aggregate_id AND e.sequence = a.sequence
ON CONFLICT DO NOTHING
