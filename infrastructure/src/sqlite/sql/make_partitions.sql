-- Makes the partitions of a new store.
--   ?1 how many
WITH RECURSIVE numbers (id) AS (SELECT 0 UNION ALL SELECT id + 1 FROM numbers WHERE id + 1 < ?1)
INSERT INTO partitions (id)
SELECT id FROM numbers WHERE NOT EXISTS (SELECT 1 FROM partitions)
