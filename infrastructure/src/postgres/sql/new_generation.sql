-- Begins a new generation of the store, later than all before it; says which.
UPDATE store_identity
SET generation = greatest(generation + 1, (extract(epoch FROM clock_timestamp()) * 1000)::bigint)
RETURNING generation
