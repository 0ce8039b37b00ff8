-- Cancels an open command.
--   ?1 id  ?2 tenant  ?3 when  ?4 problem  ?5 offset
UPDATE commands SET status = 3, settled_at = ?3, attempts = 0, error = ?4, "offset" = ?5
WHERE id = ?1 AND tenant = ?2 AND "offset" IS NULL
