-- Moves a reader back to its newest checkpoint whose mark is at most the one given, and forgets the later ones.
--   $1 reader  $2 mark
-- Rows: partition, offset, mark.
WITH forgotten AS (
    DELETE FROM checkpoint_marks WHERE reader = $1 AND mark > $2
), target AS MATERIALIZED (
    SELECT c.partition, coalesce(m."offset", 0) AS "offset", m.mark
    FROM checkpoints c
    LEFT JOIN LATERAL (
        SELECT "offset", mark FROM checkpoint_marks
        WHERE reader = $1 AND partition = c.partition AND mark <= $2
        ORDER BY mark DESC LIMIT 1
    ) m ON true
    WHERE c.reader = $1
)
UPDATE checkpoints c SET "offset" = t."offset", mark = t.mark
FROM target t
WHERE c.reader = $1 AND c.partition = t.partition
RETURNING c.partition, c."offset", c.mark
