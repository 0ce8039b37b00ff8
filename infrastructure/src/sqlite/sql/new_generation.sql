-- Begins a new generation of the store, later than all before it; says which.
UPDATE store_identity
SET generation = max(generation + 1, CAST(unixepoch('subsec') * 1000 AS INTEGER))
RETURNING generation
