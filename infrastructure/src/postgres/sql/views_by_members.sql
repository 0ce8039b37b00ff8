-- The views of a type that are not gone and show these members, by id.
--   $1 after this id  $2 before this id  $3 limit  then the status, if it counts  then a value for each member
SELECT view_id, version, payload::text, status, gone, fingerprint
FROM views
WHERE view_id > $1 AND view_id < $2 AND NOT gone{conditions}
ORDER BY view_id LIMIT $3
