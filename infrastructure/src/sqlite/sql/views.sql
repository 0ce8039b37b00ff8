-- The views of a type that are not gone, by id.
--   ?1 after this id  ?2 before this id  ?3 limit
SELECT view_id, version, payload, status, gone, fingerprint
FROM views
WHERE view_id > ?1 AND view_id < ?2 AND +gone = 0
ORDER BY view_id LIMIT ?3
