-- Renews a replica's lease.
--   ?1 replica  ?2 how long, in microseconds
-- One row: the present.
INSERT INTO replicas (id, lease_until) VALUES (?1, CAST(unixepoch('subsec') * 1000000 AS INTEGER) + ?2)
ON CONFLICT (id) DO UPDATE SET lease_until = excluded.lease_until
RETURNING lease_until - ?2
