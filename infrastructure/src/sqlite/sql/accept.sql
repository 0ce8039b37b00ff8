-- Stores the commands that are new.
--   rows: id, tenant, partition, command_type, target, data, expected_version, not_before, accepted_at, actor,
--   callback_url, metadata, idempotency_key, fingerprint, correlation_id, caused_by, traceparent
-- Rows: the ids of those that are new.
INSERT INTO commands (id, tenant, partition, command_type, target, data, expected_version, not_before, accepted_at,
                      actor, callback_url, metadata, idempotency_key, fingerprint, correlation_id, caused_by,
                      traceparent)
SELECT * FROM (VALUES rows) WHERE column1 IS NOT NULL
ON CONFLICT DO NOTHING
RETURNING id
