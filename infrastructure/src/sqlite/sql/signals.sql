-- What the instances of a partition are to hear of, in order: commands that were settled, and events.
--   ?1 partition  ?2 limit
-- Rows: the columns of a command; address, partition of the instance, source, offset, at; seven columns of an event, null
-- unless it is one.
SELECT {command}, s.address, s.partition, s.source, s."offset", s.at,
       e.aggregate_type, e.aggregate_id, e.sequence, e.event_type, e.event_version, e.payload, e.metadata
FROM signals s INDEXED BY signals_due
JOIN commands c ON c.id = s.command_id AND c.tenant = s.tenant
-- Of a reply the entry is the command's outcome.
LEFT JOIN events e ON e.partition = s.source AND e."offset" = s."offset"
WHERE s.partition = ?1 AND s.parked = 0
ORDER BY s.at, s.source, s."offset" LIMIT ?2
