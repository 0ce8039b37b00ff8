-- Of commands that are settled by now, and whose instances have handled that, no signals are left.
--   rows: id, tenant
DELETE FROM signals
WHERE (source, "offset", address) IN (
    SELECT c.partition, c."offset", c.reply_to
    FROM (VALUES rows) AS n
    JOIN commands c ON c.id = n.column1 AND c.tenant = n.column2
)
