-- Stores the commands that are new.
--   an array of each of {given}, of the same length
-- One row: null when all of them are new, else tenant and id, with a slash between them, of those that are.
WITH stored AS (
    INSERT INTO commands ({given})
    SELECT * FROM unnest({given arrays})
    ON CONFLICT DO NOTHING
    RETURNING tenant, id
)
SELECT CASE WHEN count(*) < cardinality($1::uuid[]) THEN coalesce(array_agg(tenant || '/' || id), '{}') END FROM stored
