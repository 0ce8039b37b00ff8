-- Claims partitions that are free, or whose owner's lease is over.
--   ?1 replica  ?2 the present  ?3 how many
UPDATE partitions SET owner = ?1, epoch = epoch + 1
WHERE id IN (
    SELECT p.id FROM partitions p LEFT JOIN replicas r ON r.id = p.owner
    WHERE p.owner IS NULL OR r.id IS NULL OR r.lease_until <= ?2
    ORDER BY p.id LIMIT ?3
)
