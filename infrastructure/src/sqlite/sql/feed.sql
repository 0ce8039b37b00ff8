-- The entries of a partition after an offset, in order: one statement, so that events and outcomes are of the same
-- moment and nothing between them is missed.
--   ?1 partition  ?2 after  ?3 limit
-- Rows: offset, seven columns of an event, the columns of a command.
SELECT * FROM (
    SELECT "offset", aggregate_type, aggregate_id, sequence, event_type, event_version, payload, metadata,
           {no command}
    FROM events
    WHERE partition = ?1 AND "offset" > ?2
    ORDER BY "offset" LIMIT ?3
)
UNION ALL
SELECT * FROM (
    SELECT c."offset", NULL, NULL, NULL, NULL, NULL, NULL, NULL,
           {command}
    FROM commands c INDEXED BY commands_feed
    WHERE c.partition = ?1 AND c."offset" > ?2
    ORDER BY c."offset" LIMIT ?3
)
ORDER BY 1 LIMIT ?3
