-- Forgets all but the newest marks of each partition.
--   ?1 reader  ?2 how many to keep
DELETE FROM checkpoint_marks
WHERE reader = ?1 AND mark <= (
    SELECT m.mark FROM checkpoint_marks m
    WHERE m.reader = ?1 AND m.partition = checkpoint_marks.partition
    ORDER BY m.mark DESC LIMIT 1 OFFSET ?2
)
