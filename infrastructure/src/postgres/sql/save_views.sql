-- Writes views, each unless a newer one is there. The same version is written anew: that is what rebuilding is for.
-- Sorted, so that two of these do not lock each other out.
--   $1 ids  $2 versions  $3 payloads  $4 statuses  $5 gone  $6 fingerprints: arrays of the same length
INSERT INTO views AS v (view_id, version, payload, status, gone, fingerprint)
SELECT n.view_id, n.version, n.payload::json, n.status, n.gone, n.fingerprint
FROM unnest($1::text[], $2::bigint[], $3::text[], $4::text[], $5::boolean[], $6::text[])
    AS n (view_id, version, payload, status, gone, fingerprint)
ORDER BY n.view_id
ON CONFLICT (view_id) DO UPDATE
SET version = EXCLUDED.version, payload = EXCLUDED.payload, status = EXCLUDED.status, gone = EXCLUDED.gone,
    fingerprint = EXCLUDED.fingerprint
WHERE v.version <= EXCLUDED.version
