-- Whether a replica owns the partitions given, and the store has the generation given.
--   ?1 owner  ?2 generation  ?3 a JSON array of arrays: partition, epoch
SELECT (
        SELECT count(*) FROM json_each(?3) g
        JOIN partitions p ON p.id = g.value ->> 0 AND p.epoch = g.value ->> 1 AND p.owner = ?1
    ) = json_array_length(?3)
    AND EXISTS (SELECT 1 FROM store_identity WHERE generation = ?2)
