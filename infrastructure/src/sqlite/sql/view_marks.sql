-- Whose code made the views, by id.
--   ?1 after this id  ?2 limit
SELECT view_id, version, fingerprint FROM views WHERE view_id > ?1 ORDER BY view_id LIMIT ?2
