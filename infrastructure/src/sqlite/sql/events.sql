-- Events of one aggregate after a sequence, in order.
--   ?1 aggregate type  ?2 aggregate id  ?3 after  ?4 limit
SELECT aggregate_type, aggregate_id, sequence, event_type, event_version, payload, metadata
FROM events
WHERE aggregate_type = ?1 AND aggregate_id = ?2 AND sequence > ?3
ORDER BY sequence LIMIT ?4
