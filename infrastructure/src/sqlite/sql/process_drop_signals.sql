-- What has come to an instance that was given up is dropped.
--   ?1 type  ?2 tenant  ?3 id
DELETE FROM signals INDEXED BY signals_parked
WHERE parked <> 0 AND tenant = ?2 AND address >= ?1 || '/' || ?3 || '/' AND address < ?1 || '/' || ?3 || '/' || char(1114111)
