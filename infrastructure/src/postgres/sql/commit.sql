-- Writes a unit of work: the function says what each array is.
--   $1 owner  $2 to $4 partitions  $5 to $13 events  $14 to $21 outcomes  $22 to $43 new commands
--   $44 to $48 views  $49 to $52 snapshots
SELECT wilco_commit($1, $2, $3, $4,
                    $5, $6, $7, $8, $9, $10, $11, $12, $13,
                    $14, $15, $16, $17, $18, $19, $20, $21,
                    $22, $23, $24, $25, $26, $27, $28, $29,
                    $30, $31, $32, $33, $34, $35, $36, $37, $38, $39, $40, $41, $42, $43,
                    $44, $45, $46, $47, $48,
                    $49, $50, $51, $52)
