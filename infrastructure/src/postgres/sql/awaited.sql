-- The commands that an instance has issued and that are not settled.
--   $1 what its addresses begin with  $2 tenant
SELECT {command} FROM commands c
WHERE c.reply_to COLLATE "C" >= $1 AND c.reply_to COLLATE "C" < $1 || chr(1114111) AND c."offset" IS NULL
  AND c.reply_to IS NOT NULL AND c.tenant = $2
