-- Stores new commands with their outcomes. One that is there already ends the unit of work: who was first is looked
-- up elsewhere.
--   rows: as in the accepting statement, and status, settled_at, attempts, version, error, offset
INSERT INTO commands (id, tenant, partition, command_type, target, data, expected_version, not_before, accepted_at,
                      actor, callback_url, metadata, idempotency_key, fingerprint, correlation_id, caused_by,
                      traceparent, status, settled_at, attempts, version, error, "offset")
SELECT * FROM (VALUES rows) WHERE column1 IS NOT NULL
