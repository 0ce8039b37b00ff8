-- What is stored of each aggregate: for each that has any a row with snapshot and view, and a row per event later
-- than the older of the two. LATERAL keeps it one look-up per key and table, whatever the statistics say.
--   $1 aggregate types  $2 aggregate ids  $3 view ids: arrays of the same length
-- Rows: position of the key (from 1), snapshot's version, payload and fingerprint, view's version, payload and
-- fingerprint, then an event's sequence, type, version, payload and metadata.
WITH found AS MATERIALIZED (
    SELECT k.n, k.aggregate_type, k.aggregate_id,
           s.version AS s_version, s.payload AS s_payload, s.fingerprint AS s_fingerprint,
           v.version AS v_version, v.payload AS v_payload, v.fingerprint AS v_fingerprint
    FROM unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY AS k (aggregate_type, aggregate_id, view_id, n)
    LEFT JOIN LATERAL (
        SELECT version, payload, fingerprint FROM aggregate_snapshots
        WHERE aggregate_type = k.aggregate_type AND aggregate_id = k.aggregate_id
        LIMIT 1
    ) s ON true
    LEFT JOIN LATERAL (SELECT version, payload::text, fingerprint FROM views WHERE view_id = k.view_id LIMIT 1) v ON true
)
SELECT n, s_version, s_payload, s_fingerprint, v_version, v_payload, v_fingerprint,
       NULL::bigint AS sequence, NULL::text AS event_type, NULL::text AS event_version, NULL::text AS payload,
       NULL::text AS metadata
FROM found
WHERE s_version IS NOT NULL OR v_version IS NOT NULL
UNION ALL
SELECT f.n, NULL, NULL, NULL, NULL, NULL, NULL, e.sequence, e.event_type, e.event_version, e.payload, e.metadata
FROM found f
CROSS JOIN LATERAL (
    SELECT sequence, event_type, event_version, payload::text, metadata::text
    FROM events
    WHERE aggregate_type = f.aggregate_type AND aggregate_id = f.aggregate_id
      AND sequence > least(coalesce(f.s_version, 0), coalesce(f.v_version, 0))
    ORDER BY sequence
    OFFSET 0
) e
