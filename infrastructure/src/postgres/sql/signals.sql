-- What instances are to hear of, in order, so many of each partition.
--   $1 partitions  $2 limit per partition
SELECT {command}
FROM unnest($1::smallint[]) AS p (id)
CROSS JOIN LATERAL (
    SELECT command_id, tenant, at, source, "offset"
    FROM signals
    WHERE partition = p.id AND NOT parked
    ORDER BY at, source, "offset" LIMIT $2
) s
JOIN commands c ON c.id = s.command_id AND c.tenant = s.tenant
ORDER BY s.at, s.source, s."offset"
