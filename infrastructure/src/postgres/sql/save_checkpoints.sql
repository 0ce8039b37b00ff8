-- Moves a reader; nothing of it unless all is held.
--   $1 reader  $2 owner  $3 generation
--   $4 partitions  $5 epochs  $6 offsets  $7 marks: arrays of the same length
-- Row: whether the partitions are owned and the generation is the store's.
WITH given AS MATERIALIZED (
    SELECT * FROM unnest($4::smallint[], $5::bigint[], $6::bigint[], $7::bigint[])
        AS g (partition, epoch, "offset", mark)
), held AS MATERIALIZED (
    SELECT count(*) = cardinality($4) AND EXISTS (SELECT FROM store_identity WHERE generation = $3) AS all_held
    FROM given g JOIN partitions p ON p.id = g.partition AND p.epoch = g.epoch AND p.owner = $2
), moved AS (
    INSERT INTO checkpoints (reader, partition, "offset", mark, generation)
    SELECT $1, partition, "offset", mark, $3 FROM given, held WHERE all_held
    ON CONFLICT (reader, partition) DO UPDATE
    SET "offset" = EXCLUDED."offset", mark = EXCLUDED.mark, generation = EXCLUDED.generation
)
SELECT all_held FROM held
