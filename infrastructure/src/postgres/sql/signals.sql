-- What instances are to hear of, in order, so many of each partition: commands that were settled, and events.
--   $1 partitions  $2 limit per partition
-- Rows: the columns of a command; address, partition of the instance, source, offset, at; seven columns of an event, null
-- unless it is one.
SELECT {command}, s.address, s.partition, s.source, s."offset", s.at,
       e.aggregate_type, e.aggregate_id, e.sequence, e.event_type, e.event_version, e.payload::text, e.metadata::text
FROM unnest($1::smallint[]) AS p (id)
CROSS JOIN LATERAL (
    SELECT command_id, tenant, address, partition, at, source, "offset"
    FROM signals
    WHERE partition = p.id AND NOT parked
    ORDER BY at, source, "offset" LIMIT $2
) s
JOIN commands c ON c.id = s.command_id AND c.tenant = s.tenant
-- Of a reply the entry is the command's outcome.
LEFT JOIN events e ON e.partition = s.source AND e."offset" = s."offset"
ORDER BY s.at, s.source, s."offset"
