-- Settles a command that its process has given up.
--   ?1 id  ?2 tenant  ?3 when  ?4 problem  ?5 offset
UPDATE commands SET status = 2, settled_at = ?3, attempts = 1, error = ?4, "offset" = ?5
WHERE id = ?1 AND tenant = ?2 AND status = 4
