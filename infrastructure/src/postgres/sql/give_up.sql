-- Ends an instance that stands still, and stores what comes of that.
--   an array of each of {given}, of the same length
--   $19 to $21 the instance  $22 what its commands are named after  $23 its id as a target  $24 time  $25 problem
WITH ended AS MATERIALIZED (SELECT wilco_give_up($19, $20, $21, $22, $23, $24, $25) AS it),
deliveries AS (
    INSERT INTO commands ({given})
    SELECT n.* FROM unnest({given arrays}) AS n, ended WHERE ended.it
)
SELECT it FROM ended
