-- Stores new commands with their outcomes. One that is there already ends the unit of work: who was first is looked
-- up elsewhere.
--   rows: {given}, {settled}
INSERT INTO commands ({given}, {settled})
SELECT * FROM (VALUES rows) WHERE column1 IS NOT NULL
