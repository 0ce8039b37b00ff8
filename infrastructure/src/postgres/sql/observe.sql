-- Moves a reader that hands events to instances, and leaves their signals: both, or nothing if it stands elsewhere.
--   $1 reader  $2 partition  $3 where it stands  $4 where it goes to  $5 mark
--   $6 [{offset, address, partition (of the instance), tenant, command_id, at}]
-- Row: whether it stood there.
WITH moved AS (
    UPDATE checkpoints SET "offset" = $4, mark = $5, generation = i.generation
    FROM store_identity i
    WHERE reader = $1 AND partition = $2 AND "offset" = $3
    RETURNING 1
), told AS (
    INSERT INTO signals (source, "offset", address, partition, tenant, command_id, at)
    SELECT $2, n."offset", n.address, n.partition, n.tenant, n.command_id, n.at
    FROM moved, jsonb_to_recordset($6) AS n (
        "offset" bigint, address text, partition smallint, tenant text, command_id uuid, at timestamptz)
    ON CONFLICT DO NOTHING
)
SELECT EXISTS (SELECT FROM moved)
