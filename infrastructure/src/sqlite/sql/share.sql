-- A replica's fair share of the partitions, rounded up, and how many it has.
--   ?1 replica  ?2 the present
SELECT (SELECT count(*) FROM partitions) / alive + ((SELECT count(*) FROM partitions) % alive > 0),
       (SELECT count(*) FROM partitions WHERE owner = ?1)
FROM (SELECT max(count(*), 1) AS alive FROM replicas WHERE lease_until > ?2)
