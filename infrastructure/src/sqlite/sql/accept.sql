-- Stores the commands that are new.
--   rows: {given}
-- Rows: id and tenant of those that are new.
INSERT INTO commands ({given})
SELECT * FROM (VALUES rows) WHERE column1 IS NOT NULL
ON CONFLICT DO NOTHING
RETURNING id, tenant
