-- Stores the commands that are new.
--   $1 id  $2 tenant  $3 partition  $4 command_type  $5 target  $6 data  $7 expected_version  $8 not_before
--   $9 accepted_at  $10 actor  $11 callback_url  $12 metadata  $13 idempotency_key  $14 fingerprint
--   $15 correlation_id  $16 caused_by  $17 traceparent: arrays of the same length
-- One row: null when all of them are new, else the ids of those that are.
WITH stored AS (
    INSERT INTO commands (id, tenant, partition, command_type, target, data, expected_version, not_before,
                          accepted_at, actor, callback_url, metadata, idempotency_key, fingerprint,
                          correlation_id, caused_by, traceparent)
    SELECT * FROM unnest($1::uuid[], $2::text[], $3::smallint[], $4::text[], $5::text[], $6::text[], $7::bigint[],
                         $8::timestamptz[], $9::timestamptz[], $10::text[], $11::text[], $12::text[], $13::text[],
                         $14::bytea[], $15::uuid[], $16::uuid[], $17::text[])
    ON CONFLICT DO NOTHING
    RETURNING id
)
SELECT CASE WHEN count(*) < cardinality($1::uuid[]) THEN coalesce(array_agg(id), '{}') END FROM stored
