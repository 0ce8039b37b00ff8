-- Comes before the statement that writes a unit of work: stores commands that come of it, to be applied later, and new ones
-- that are running from now on. One that is there already ends it all.
--   an array of each of {given} and {origin}, of the same length, and one of statuses
WITH issued AS (
    INSERT INTO commands ({given}, {origin}, status)
    SELECT * FROM unnest({given arrays}, {origin arrays}, $90::smallint[])
)
