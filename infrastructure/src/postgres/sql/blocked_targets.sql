-- Those of these aggregates that commands are blocked for.
--   $1 aggregate types  $2 aggregate ids: arrays of the same length
SELECT DISTINCT b.aggregate_type, b.target
FROM unnest($1::text[], $2::text[]) AS k (aggregate_type, target)
CROSS JOIN LATERAL (
    SELECT aggregate_type, target FROM blocked_commands
    WHERE aggregate_type = k.aggregate_type AND target = k.target
    LIMIT 1
) b
