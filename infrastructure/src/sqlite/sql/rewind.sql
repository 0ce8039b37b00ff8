-- Moves a reader back, in the partitions given, to its newest checkpoint whose mark is at most the one given.
--   ?1 reader  ?2 mark  ?3 a JSON array of arrays: partition, epoch  ?4 generation
UPDATE checkpoints
SET mark = (
        SELECT max(m.mark) FROM checkpoint_marks m
        WHERE m.reader = ?1 AND m.partition = checkpoints.partition AND m.mark <= ?2
    ),
    "offset" = coalesce((
        SELECT m."offset" FROM checkpoint_marks m
        WHERE m.reader = ?1 AND m.partition = checkpoints.partition AND m.mark <= ?2
        ORDER BY m.mark DESC LIMIT 1
    ), 0),
    generation = ?4
WHERE reader = ?1 AND partition IN (SELECT value ->> 0 FROM json_each(?3))
RETURNING partition, "offset", mark
