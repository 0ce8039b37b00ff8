-- The views of a type with a status that are not gone, by id.
--   ?1 after this id  ?2 before this id  ?3 limit  ?4 status
SELECT view_id, version, payload, status, gone, fingerprint
FROM views INDEXED BY views_by_status
WHERE status = ?4 AND view_id > ?1 AND view_id < ?2 AND gone = 0
ORDER BY view_id LIMIT ?3
