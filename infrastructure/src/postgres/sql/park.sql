-- Keeps an entry that a reader passes over.
--   $1 reader  $2 partition  $3 offset  $4 generation  $5 reason
INSERT INTO parked_entries (reader, partition, "offset", generation, reason)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (reader, generation, partition, "offset") DO NOTHING
