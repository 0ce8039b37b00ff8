-- Forgets all but the newest marks of each partition.
--   $1 reader  $2 how many to keep
DELETE FROM checkpoint_marks m
USING checkpoints c
CROSS JOIN LATERAL (
    SELECT mark FROM checkpoint_marks
    WHERE reader = $1 AND partition = c.partition
    ORDER BY mark DESC OFFSET $2 LIMIT 1
) oldest
WHERE c.reader = $1 AND m.reader = $1 AND m.partition = c.partition AND m.mark <= oldest.mark
