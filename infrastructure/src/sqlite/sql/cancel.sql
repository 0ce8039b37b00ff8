-- Cancels an open command.
--   ?1 id  ?2 when  ?3 problem  ?4 offset
UPDATE commands SET status = 3, settled_at = ?2, attempts = 0, error = ?3, "offset" = ?4
WHERE id = ?1 AND "offset" IS NULL
