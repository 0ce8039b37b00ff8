-- The commands with one of these ids, or one of these keys.
--   ?1 a JSON array of ids, in hexadecimal  ?2 a JSON array of arrays: tenant, idempotency key
SELECT c.id, c.tenant, c.partition, c.command_type, c.target, c.data, c.expected_version, c.not_before,
       c.accepted_at, c.actor, c.callback_url, c.metadata, c.idempotency_key, c.fingerprint,
       c.correlation_id, c.caused_by, c.traceparent, c.status, c.settled_at, c.attempts, c."offset",
       c.version, c.error
FROM json_each(?1) AS i CROSS JOIN commands c ON c.id = unhex(i.value)
UNION ALL
SELECT c.id, c.tenant, c.partition, c.command_type, c.target, c.data, c.expected_version, c.not_before,
       c.accepted_at, c.actor, c.callback_url, c.metadata, c.idempotency_key, c.fingerprint,
       c.correlation_id, c.caused_by, c.traceparent, c.status, c.settled_at, c.attempts, c."offset",
       c.version, c.error
FROM json_each(?2) AS k
CROSS JOIN commands c ON c.tenant = k.value ->> 0 AND c.idempotency_key = k.value ->> 1
