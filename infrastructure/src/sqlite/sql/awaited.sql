-- The commands that an instance has issued and that are not settled.
--   ?1 what its addresses begin with  ?2 tenant
SELECT {command} FROM commands c INDEXED BY commands_awaited
WHERE c.reply_to >= ?1 AND c.reply_to < ?1 || char(1114111) AND c."offset" IS NULL AND c.tenant = ?2
