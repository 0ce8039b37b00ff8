-- What the instances of a partition are to hear of, in order.
--   ?1 partition  ?2 limit
SELECT {command}
FROM signals s INDEXED BY signals_due
JOIN commands c ON c.id = s.command_id AND c.tenant = s.tenant
WHERE s.partition = ?1 AND s.parked = 0
ORDER BY s.at, s.source, s."offset" LIMIT ?2
