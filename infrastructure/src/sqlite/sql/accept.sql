-- Stores the commands that are new.
--   ?1 a JSON array of arrays: id, tenant, partition, command_type, target, data, expected_version, not_before,
--      accepted_at, actor, callback_url, metadata, idempotency_key, fingerprint, correlation_id, caused_by,
--      traceparent; ids and fingerprint in hexadecimal
-- Rows: the ids of those that are new.
WITH given AS MATERIALIZED (SELECT value FROM json_each(?1))
INSERT INTO commands (id, tenant, partition, command_type, target, data, expected_version, not_before, accepted_at,
                      actor, callback_url, metadata, idempotency_key, fingerprint, correlation_id, caused_by,
                      traceparent)
SELECT unhex(value ->> 0), value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6, value ->> 7,
       value ->> 8, value ->> 9, value ->> 10, value ->> 11, value ->> 12, unhex(value ->> 13), unhex(value ->> 14),
       unhex(value ->> 15), value ->> 16
FROM given
WHERE true
ON CONFLICT DO NOTHING
RETURNING id
