-- All that is stored, each table as one JSON array of its rows: so it is one question, and as of one time.
SELECT
    (SELECT json_group_array(json_array(id, head)) FROM partitions),
    (SELECT json_group_array(json_array(hex(id), command_type, target, partition, status, "offset", version,
                                        error ->> '$.type', reply_to, hex(caused_by)))
     FROM commands),
    (SELECT json_group_array(json_array(aggregate_type || '/' || aggregate_id, sequence, partition, "offset",
                                        json(payload)))
     FROM (SELECT * FROM events ORDER BY aggregate_type, aggregate_id, sequence)),
    (SELECT json_group_array(json_array(process_type || '/' || process_id, version, json(state), json(holds), awaits,
                                        ended_at IS NOT NULL, parked ->> '$.detail'))
     FROM processes),
    (SELECT json_group_array(json_array(address, hex(command_id))) FROM signals),
    (SELECT json_group_array(process_type || '/' || process_id) FROM timers),
    (SELECT json_group_array(json_array(hex(command_id), attempt)) FROM attempts)
