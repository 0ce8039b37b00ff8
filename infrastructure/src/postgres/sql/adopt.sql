-- Gives events their place in the feed.
--   $1 aggregate types  $2 aggregate ids  $3 sequences  $4 partitions  $5 offsets: arrays of the same length
UPDATE events e SET partition = a.partition, "offset" = a."offset"
FROM unnest($1::text[], $2::text[], $3::bigint[], $4::smallint[], $5::bigint[])
    AS a (aggregate_type, aggregate_id, sequence, partition, "offset")
WHERE e.aggregate_type = a.aggregate_type AND e.aggregate_id = a.aggregate_id AND e.sequence = a.sequence
