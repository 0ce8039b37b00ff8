-- Comes before the statement that writes a unit of work: stores commands that come of it, to be applied later. One that
-- is there already ends it all.
--   an array of each of {given}, of the same length
WITH issued AS (
    INSERT INTO commands ({given})
    SELECT * FROM unnest({given arrays})
)
