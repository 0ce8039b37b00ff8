-- An instance that stands still goes on.
--   ?1 type  ?2 tenant  ?3 id
UPDATE processes SET parked = NULL, resumed = 1, version = version + 1
WHERE process_type = ?1 AND tenant = ?2 AND process_id = ?3 AND parked IS NOT NULL AND ended_at IS NULL
