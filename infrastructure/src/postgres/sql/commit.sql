-- Writes a unit of work: the function says what each array is.
--   $1 owner  $2 to $4 partitions  $5 to $13 events  $14 to $22 outcomes  $23 to $45 new commands
--   $46 to $51 views  $52 to $56 snapshots  $57 to $61 kinds of events  $62 to $68 commands that are blocked
SELECT wilco_commit_4($1, $2, $3, $4,
                      $5, $6, $7, $8, $9, $10, $11, $12, $13,
                      $14, $15, $16, $17, $18, $19, $20, $21, $22,
                      $23, $24, $25, $26, $27, $28, $29, $30,
                      $31, $32, $33, $34, $35, $36, $37, $38, $39, $40, $41, $42, $43, $44, $45,
                      $46, $47, $48, $49, $50, $51,
                      $52, $53, $54, $55, $56,
                      $57, $58, $59, $60, $61,
                      $62, $63, $64, $65, $66, $67, $68)
