-- What waits in the registry, by type: of each type how many commands, when the first is due, and some of them. Looks
-- at so many open commands of either kind at most.
--   ?1 most commands looked at  ?2 samples of a type
-- Rows: type, how many, first due, id and tenant of a sample.
WITH open AS (
    SELECT * FROM (
        SELECT id, tenant, command_type, accepted_at AS due FROM commands c INDEXED BY commands_open
        WHERE status = 0 AND not_before IS NULL
        LIMIT ?1
    )
    UNION ALL
    SELECT * FROM (
        SELECT id, tenant, command_type, not_before AS due FROM commands c INDEXED BY commands_scheduled
        WHERE status = 0 AND not_before IS NOT NULL
        LIMIT ?1
    )
), ranked AS (
    SELECT id, tenant, command_type, count(*) OVER types AS total, min(due) OVER types AS first_due,
           row_number() OVER (PARTITION BY command_type ORDER BY due, id, tenant) AS place
    FROM open
    WINDOW types AS (PARTITION BY command_type)
)
SELECT command_type, total, first_due, id, tenant FROM ranked WHERE place <= ?2 ORDER BY command_type, place
