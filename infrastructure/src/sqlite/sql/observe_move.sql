-- Moves a reader that hands events to instances, if it stands where it is thought to.
--   ?1 reader  ?2 partition  ?3 where it stands  ?4 where it goes to  ?5 mark
UPDATE checkpoints SET "offset" = ?4, mark = ?5, generation = (SELECT generation FROM store_identity)
WHERE reader = ?1 AND partition = ?2 AND "offset" = ?3
