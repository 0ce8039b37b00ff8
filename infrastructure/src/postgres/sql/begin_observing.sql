-- A reader begins at the heads of all partitions; where it stands already it stays.
--   $1 reader
INSERT INTO checkpoints (reader, partition, "offset", generation)
SELECT $1, p.id, p.head, i.generation FROM partitions p CROSS JOIN store_identity i
ON CONFLICT DO NOTHING
