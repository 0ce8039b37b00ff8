-- Writes a unit of work: the function says what each array is.
--   $1 owner  $2 to $4 partitions  $5 to $13 events  $14 to $21 outcomes  $22 to $26 views  $27 to $30 snapshots
SELECT wilco_commit($1, $2, $3, $4,
                    $5, $6, $7, $8, $9, $10, $11, $12, $13,
                    $14, $15, $16, $17, $18, $19, $20, $21,
                    $22, $23, $24, $25, $26,
                    $27, $28, $29, $30)
