-- Stores new commands with their outcomes. One that is there already ends the unit of work: who was first is looked
-- up elsewhere.
--   ?1 a JSON array of arrays: [what the accepting statement takes], [status, settled_at, attempts, version, error,
--      offset]
WITH given AS MATERIALIZED (SELECT value -> 0 AS c, value -> 1 AS o FROM json_each(?1))
INSERT INTO commands (id, tenant, partition, command_type, target, data, expected_version, not_before, accepted_at,
                      actor, callback_url, metadata, idempotency_key, fingerprint, correlation_id, caused_by,
                      traceparent, status, settled_at, attempts, version, error, "offset")
SELECT unhex(c ->> 0), c ->> 1, c ->> 2, c ->> 3, c ->> 4, c ->> 5, c ->> 6, c ->> 7, c ->> 8, c ->> 9, c ->> 10,
       c ->> 11, c ->> 12, unhex(c ->> 13), unhex(c ->> 14), unhex(c ->> 15), c ->> 16,
       o ->> 0, o ->> 1, o ->> 2, o ->> 3, o ->> 4, o ->> 5
FROM given
