-- Why these commands are blocked, as far as they are.
--   $1 ids  $2 tenants: arrays of the same length
-- Rows: id, tenant, reason.
SELECT b.command_id, b.tenant, b.reason
FROM unnest($1::uuid[], $2::text[]) AS k (id, tenant)
CROSS JOIN LATERAL (
    SELECT command_id, tenant, reason FROM blocked_commands
    WHERE command_id = k.id AND tenant = k.tenant
    LIMIT 1
) b
