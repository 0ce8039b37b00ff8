-- Ends a replica's lease and gives back what it owns. The rows are locked in order: see the migration.
--   $1 replica
WITH mine AS MATERIALIZED (
    SELECT id FROM partitions WHERE owner = $1 ORDER BY id FOR UPDATE
), gone AS (
    DELETE FROM replicas WHERE id = $1
)
UPDATE partitions SET owner = NULL, epoch = epoch + 1 WHERE id IN (SELECT id FROM mine)
