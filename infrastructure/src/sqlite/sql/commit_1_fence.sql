-- Takes the offsets of a unit of work, from the partitions that are owned.
--   ?1 owner  ?2 a JSON array of arrays: partition, epoch, number of entries
-- Rows: partition, its head after that. Fewer rows than partitions: fenced.
UPDATE partitions SET head = head + w.entries
FROM (SELECT value ->> 0 AS id, value ->> 1 AS epoch, value ->> 2 AS entries FROM json_each(?2)) AS w
WHERE partitions.id = w.id AND partitions.owner = ?1 AND partitions.epoch = w.epoch
RETURNING partitions.id, partitions.head
