-- The commands with one of these ids, or one of these keys.
--   $1 ids  $2 tenants  $3 idempotency keys: $2 and $3 of the same length
SELECT c.id, c.tenant, c.partition, c.command_type, c.target, c.data, c.expected_version, c.not_before,
       c.accepted_at, c.actor, c.callback_url, c.metadata, c.idempotency_key, c.fingerprint,
       c.correlation_id, c.caused_by, c.traceparent, c.status, c.settled_at, c.attempts, c."offset",
       c.version, c.error
FROM commands c
WHERE c.id = ANY ($1)
UNION ALL
SELECT c.*
FROM unnest($2::text[], $3::text[]) AS k (tenant, key)
CROSS JOIN LATERAL (
    SELECT c.id, c.tenant, c.partition, c.command_type, c.target, c.data, c.expected_version, c.not_before,
           c.accepted_at, c.actor, c.callback_url, c.metadata, c.idempotency_key, c.fingerprint,
           c.correlation_id, c.caused_by, c.traceparent, c.status, c.settled_at, c.attempts, c."offset",
           c.version, c.error
    FROM commands c
    WHERE c.tenant = k.tenant AND c.idempotency_key = k.key
    LIMIT 1
) c
