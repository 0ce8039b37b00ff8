-- Stores commands that come of the unit of work, to be applied later. One that is there already ends the unit of work.
--   rows: {given}
INSERT INTO commands ({given})
SELECT * FROM (VALUES rows) WHERE column1 IS NOT NULL
