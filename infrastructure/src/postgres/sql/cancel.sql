-- Cancels a command if it is open, and stores what comes of that.
--   an array of each of {given}, of the same length  $19 id  $20 tenant  $21 time  $22 problem
WITH cancelled AS MATERIALIZED (SELECT wilco_cancel_2($19, $20, $21, $22) AS it),
deliveries AS (
    INSERT INTO commands ({given})
    SELECT n.* FROM unnest({given arrays}) AS n, cancelled WHERE cancelled.it
)
SELECT it FROM cancelled
