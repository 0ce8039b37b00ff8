-- Moves a reader.
--   ?1 reader  ?2 a JSON array of arrays: partition, offset, mark  ?3 generation
INSERT INTO checkpoints (reader, partition, "offset", mark, generation)
SELECT ?1, value ->> 0, value ->> 1, value ->> 2, ?3
FROM json_each(?2)
WHERE true
ON CONFLICT (reader, partition) DO UPDATE
SET "offset" = excluded."offset", mark = excluded.mark, generation = excluded.generation
