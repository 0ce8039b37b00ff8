-- Takes the offsets of a unit of work from a partition. No row: it is not owned, or no more.
--   ?1 number of entries  ?2 partition  ?3 owner  ?4 epoch
UPDATE partitions SET head = head + ?1
WHERE id = ?2 AND owner = ?3 AND epoch = ?4
RETURNING head
