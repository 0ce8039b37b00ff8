-- The views of a type that are not gone, by id.
--   $1 after this id  $2 before this id  $3 limit
SELECT view_id, version, payload::text, status, gone, fingerprint
FROM views
WHERE view_id > $1 AND view_id < $2 AND NOT gone
ORDER BY view_id LIMIT $3
