-- Cancels a command if it is open, and stores what comes of that.
--   an array of each of {given}, of the same length  $18 id  $19 tenant  $20 time  $21 problem
WITH cancelled AS MATERIALIZED (SELECT wilco_cancel_2($18, $19, $20, $21) AS it),
deliveries AS (
    INSERT INTO commands ({given})
    SELECT n.* FROM unnest({given arrays}) AS n, cancelled WHERE cancelled.it
)
SELECT it FROM cancelled
