-- Stores commands that come of the unit of work, to be applied later, and new ones that are running from now on. One that
-- is there already ends the unit of work.
--   rows: {given}, {origin}, status
INSERT INTO commands ({given}, {origin}, status)
SELECT * FROM (VALUES rows) WHERE column1 IS NOT NULL
