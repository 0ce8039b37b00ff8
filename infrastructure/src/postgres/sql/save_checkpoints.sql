-- Moves a reader, and keeps the checkpoints that have a mark as history.
--   $1 reader  $2 partitions  $3 offsets  $4 marks: arrays of the same length
WITH given AS MATERIALIZED (
    SELECT * FROM unnest($2::smallint[], $3::bigint[], $4::bigint[]) AS g (partition, "offset", mark)
), kept AS (
    INSERT INTO checkpoint_marks (reader, partition, mark, "offset")
    SELECT $1, partition, mark, "offset" FROM given WHERE mark IS NOT NULL
    ON CONFLICT (reader, partition, mark) DO UPDATE SET "offset" = EXCLUDED."offset"
)
INSERT INTO checkpoints (reader, partition, "offset", mark)
SELECT $1, partition, "offset", mark FROM given
ON CONFLICT (reader, partition) DO UPDATE SET "offset" = EXCLUDED."offset", mark = EXCLUDED.mark
