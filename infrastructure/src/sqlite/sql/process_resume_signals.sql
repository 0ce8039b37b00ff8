-- What has come to it meanwhile is heard.
--   ?1 type  ?2 tenant  ?3 id
UPDATE signals INDEXED BY signals_parked SET parked = 0
WHERE parked <> 0 AND tenant = ?2 AND address >= ?1 || '/' || ?3 || '/' AND address < ?1 || '/' || ?3 || '/' || char(1114111)
