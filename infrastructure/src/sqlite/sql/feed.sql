-- The entries of a partition after an offset, in order: one statement, so that events and outcomes are of the same
-- moment and nothing between them is missed.
--   ?1 partition  ?2 after  ?3 limit
-- Rows: offset, seven columns of an event, the columns of a command.
SELECT * FROM (
    SELECT "offset", aggregate_type, aggregate_id, sequence, event_type, event_version, payload, metadata,
           NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
           NULL, NULL, NULL, NULL, NULL, NULL
    FROM events
    WHERE partition = ?1 AND "offset" > ?2
    ORDER BY "offset" LIMIT ?3
)
UNION ALL
SELECT * FROM (
    SELECT c."offset", NULL, NULL, NULL, NULL, NULL, NULL, NULL,
           c.id, c.tenant, c.partition, c.command_type, c.target, c.data, c.expected_version, c.not_before,
           c.accepted_at, c.actor, c.callback_url, c.metadata, c.idempotency_key, c.fingerprint,
           c.correlation_id, c.caused_by, c.traceparent, c.status, c.settled_at, c.attempts, c."offset" AS its_offset,
           c.version, c.error
    FROM commands c INDEXED BY commands_feed
    WHERE c.partition = ?1 AND c."offset" > ?2
    ORDER BY c."offset" LIMIT ?3
)
ORDER BY 1 LIMIT ?3
