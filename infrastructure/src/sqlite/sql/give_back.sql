-- Gives back the partitions above a replica's share.
--   ?1 replica  ?2 its share
UPDATE partitions SET owner = NULL, epoch = epoch + 1
WHERE id IN (SELECT id FROM partitions WHERE owner = ?1 ORDER BY id LIMIT -1 OFFSET ?2)
