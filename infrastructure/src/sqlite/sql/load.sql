-- What is stored of each aggregate: for each that has any a row with its snapshot, one with its view, and a row per
-- event later than the older of the two. CROSS JOIN and LEFT JOIN keep the keys on the outside.
--   ?1 a JSON array of arrays: aggregate type, aggregate id, view id
-- Rows: position of the key (from 0), snapshot's version, payload and fingerprint, view's version, payload and
-- fingerprint, then an event's sequence, type, version, payload and metadata.
WITH found AS MATERIALIZED (
    SELECT k.key AS n, k.value ->> 0 AS aggregate_type, k.value ->> 1 AS aggregate_id,
           s.version AS s_version, s.payload AS s_payload, s.fingerprint AS s_fingerprint,
           v.version AS v_version, v.payload AS v_payload, v.fingerprint AS v_fingerprint
    FROM json_each(?1) AS k
    LEFT JOIN aggregate_snapshots s ON s.aggregate_type = k.value ->> 0 AND s.aggregate_id = k.value ->> 1
    LEFT JOIN views v ON v.view_id = k.value ->> 2
)
SELECT n, s_version, s_payload, s_fingerprint, v_version, v_payload, v_fingerprint, NULL AS sequence, NULL, NULL, NULL, NULL
FROM found
WHERE s_version IS NOT NULL OR v_version IS NOT NULL
UNION ALL
SELECT f.n, NULL, NULL, NULL, NULL, NULL, NULL, e.sequence, e.event_type, e.event_version, e.payload, e.metadata
FROM found f
CROSS JOIN events e
    ON e.aggregate_type = f.aggregate_type AND e.aggregate_id = f.aggregate_id
   AND e.sequence > min(coalesce(f.s_version, 0), coalesce(f.v_version, 0))
ORDER BY n, sequence
