-- Moves a reader back to its newest checkpoint whose mark is at most the one given.
--   ?1 reader  ?2 mark
UPDATE checkpoints
SET mark = (
        SELECT max(m.mark) FROM checkpoint_marks m
        WHERE m.reader = ?1 AND m.partition = checkpoints.partition AND m.mark <= ?2
    ),
    "offset" = coalesce((
        SELECT m."offset" FROM checkpoint_marks m
        WHERE m.reader = ?1 AND m.partition = checkpoints.partition AND m.mark <= ?2
        ORDER BY m.mark DESC LIMIT 1
    ), 0)
WHERE reader = ?1
RETURNING partition, "offset", mark
