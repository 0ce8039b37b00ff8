-- Forgets the marks of a reader after the one given, in the partitions given.
--   ?1 reader  ?2 mark  ?3 a JSON array of arrays: partition, epoch
DELETE FROM checkpoint_marks
WHERE reader = ?1 AND mark > ?2 AND partition IN (SELECT value ->> 0 FROM json_each(?3))
