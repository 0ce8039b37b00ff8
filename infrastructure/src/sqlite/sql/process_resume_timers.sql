-- Its timers fire again.
--   ?1 type  ?2 tenant  ?3 id
UPDATE timers SET parked = 0 WHERE process_type = ?1 AND tenant = ?2 AND process_id = ?3
