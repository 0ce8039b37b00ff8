-- Notes commands that cannot be applied, if they are open.
--   rows: command_id, tenant, partition, aggregate_type, target, behind, reason
INSERT INTO blocked_commands (command_id, tenant, partition, aggregate_type, target, behind, reason)
SELECT b.* FROM (VALUES rows) AS b
JOIN commands c ON c.id = b.column1 AND c.tenant = b.column2
WHERE b.column1 IS NOT NULL AND c."offset" IS NULL
ON CONFLICT (command_id, tenant) DO UPDATE SET behind = excluded.behind, reason = excluded.reason
