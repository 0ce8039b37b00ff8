-- Keeps the checkpoints that have a mark as history.
--   ?1 reader  ?2 a JSON array of arrays: partition, offset, mark
INSERT INTO checkpoint_marks (reader, partition, mark, "offset")
SELECT ?1, value ->> 0, value ->> 2, value ->> 1
FROM json_each(?2)
WHERE value ->> 2 IS NOT NULL
ON CONFLICT (reader, partition, mark) DO UPDATE SET "offset" = excluded."offset"
