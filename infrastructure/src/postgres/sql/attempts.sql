-- Where the attempts at these commands stand.
--   $1 ids  $2 tenants
SELECT a.destination, a.attempt, a.begun_at, a.in_doubt, a.due_at, a.command_id, a.tenant
FROM unnest($1::uuid[], $2::text[]) AS n (id, tenant)
CROSS JOIN LATERAL (SELECT * FROM attempts WHERE command_id = n.id AND tenant = n.tenant) a
