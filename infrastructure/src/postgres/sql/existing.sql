-- The commands with one of these ids, or one of these keys.
--   $1 ids  $2 tenants  $3 idempotency keys: $2 and $3 of the same length
SELECT {command}
FROM commands c
WHERE c.id = ANY ($1)
UNION ALL
SELECT c.*
FROM unnest($2::text[], $3::text[]) AS k (tenant, key)
CROSS JOIN LATERAL (
    SELECT {command}
    FROM commands c
    WHERE c.tenant = k.tenant AND c.idempotency_key = k.key
    LIMIT 1
) c
