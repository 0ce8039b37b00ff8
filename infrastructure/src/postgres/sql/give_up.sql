-- Ends an instance that stands still, and stores what comes of that.
--   an array of each of {given}, of the same length
--   $18 to $20 the instance  $21 what its commands are named after  $22 its id as a target  $23 time  $24 problem
WITH ended AS MATERIALIZED (SELECT wilco_give_up($18, $19, $20, $21, $22, $23, $24) AS it),
deliveries AS (
    INSERT INTO commands ({given})
    SELECT n.* FROM unnest({given arrays}) AS n, ended WHERE ended.it
)
SELECT it FROM ended
