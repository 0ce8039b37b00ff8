-- Moves a reader back, in the partitions given, to its newest checkpoint whose mark is at most the one given, and
-- forgets the later ones; nothing of it unless all is held.
--   $1 reader  $2 owner  $3 generation  $4 partitions  $5 epochs: arrays of the same length  $6 mark
-- Rows, at least one: whether the partitions are owned and the generation is the store's; partition, offset, mark.
WITH given AS MATERIALIZED (
    SELECT * FROM unnest($4::smallint[], $5::bigint[]) AS g (partition, epoch)
), held AS MATERIALIZED (
    SELECT count(*) = cardinality($4) AND EXISTS (SELECT FROM store_identity WHERE generation = $3) AS all_held
    FROM given g JOIN partitions p ON p.id = g.partition AND p.epoch = g.epoch AND p.owner = $2
), target AS MATERIALIZED (
    SELECT c.partition, coalesce(m."offset", 0) AS "offset", m.mark
    FROM held
    JOIN checkpoints c ON c.reader = $1 AND c.partition = ANY ($4)
    LEFT JOIN LATERAL (
        SELECT "offset", mark FROM checkpoint_marks
        WHERE reader = $1 AND partition = c.partition AND mark <= $6
        ORDER BY mark DESC LIMIT 1
    ) m ON true
    WHERE held.all_held
), forgotten AS (
    DELETE FROM checkpoint_marks m USING target t
    WHERE m.reader = $1 AND m.partition = t.partition AND m.mark > $6
), moved AS (
    UPDATE checkpoints c SET "offset" = t."offset", mark = t.mark, generation = $3
    FROM target t
    WHERE c.reader = $1 AND c.partition = t.partition
)
SELECT h.all_held, t.partition, t."offset", t.mark FROM held h LEFT JOIN target t ON true ORDER BY t.partition
