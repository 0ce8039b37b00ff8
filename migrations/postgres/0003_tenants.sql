-- Ids of commands are a tenant's own: two tenants may have the same.
--
-- What is stored is the default tenant's, whose name is stored as an empty text; all of it stays as it is. Aggregates of
-- another tenant are stored under ids with its name and a slash before them, their views under `@`, its name, a slash
-- and what is usual.

ALTER TABLE commands DROP CONSTRAINT commands_pkey, ADD CONSTRAINT commands_pkey PRIMARY KEY (id, tenant);
COMMENT ON COLUMN commands.id IS 'UUIDv7, unless the client chose one; unique per tenant.';
COMMENT ON COLUMN commands.tenant IS 'Whose it is; empty: the default tenant''s.';
COMMENT ON COLUMN events.aggregate_id IS 'pet-42; of another tenant than the default one acme/pet-42.';
COMMENT ON COLUMN aggregate_snapshots.aggregate_id IS 'As in events.';
COMMENT ON COLUMN views.view_id IS 'pet/pet-42; of another tenant than the default one @acme/pet/pet-42.';

-- The two functions that find a command by its id, with its tenant. Those of the same names without a number stay for
-- replicas of before this migration.

-- Writes a unit of work, all or nothing, in one round trip. Returns for each partition given the offset of its
-- entry with index 0. Arrays with the same prefix have the same length; a slot is a position in p_ids.
-- The e_ arrays are events, the o_ arrays outcomes of commands that are stored, the n_ arrays new commands with
-- their outcomes, the v_ arrays views, the s_ arrays snapshots.
--   own SQLSTATEs: WF001 a partition is not owned (any more); WF002 a command is settled already or unknown
--
-- The settings keep each join what it must be, a loop over the arrays with one index look-up each. Left to
-- itself the planner takes a scan of the whole table while its statistics are young.
CREATE FUNCTION wilco_commit_2(
    p_owner uuid, p_ids smallint[], p_epochs bigint[], p_entries integer[],
    e_slots integer[], e_indexes integer[], e_aggregate_types text[], e_aggregate_ids text[],
    e_sequences bigint[], e_event_types text[], e_event_versions text[], e_payloads text[], e_metadata text[],
    o_slots integer[], o_indexes integer[], o_ids uuid[], o_states smallint[], o_settled_at timestamptz[],
    o_attempts integer[], o_versions bigint[], o_errors text[], o_tenants text[],
    n_slots integer[], n_indexes integer[], n_ids uuid[], n_states smallint[], n_settled_at timestamptz[],
    n_attempts integer[], n_versions bigint[], n_errors text[],
    n_tenants text[], n_types text[], n_targets text[], n_data text[], n_expected_versions bigint[],
    n_accepted_at timestamptz[], n_actors text[], n_callback_urls text[], n_metadata text[], n_keys text[],
    n_fingerprints bytea[], n_correlation_ids uuid[], n_caused_by uuid[], n_traceparents text[],
    v_ids text[], v_versions bigint[], v_payloads text[], v_statuses text[], v_gone boolean[],
    s_aggregate_types text[], s_aggregate_ids text[], s_versions bigint[], s_payloads text[]
) RETURNS bigint[]
LANGUAGE plpgsql
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
SET jit = off
SET plan_cache_mode = force_generic_plan
AS $$
DECLARE
    bases   bigint[];
    settled bigint;
BEGIN
    -- Both ways to join take the rows, and with them the locks, in ascending order.
    WITH taken AS (
        UPDATE partitions p SET head = p.head + g.entries
        FROM unnest(p_ids, p_epochs, p_entries) WITH ORDINALITY AS g (id, epoch, entries, slot)
        WHERE p.id = g.id AND p.owner = p_owner AND p.epoch = g.epoch
        RETURNING g.slot, p.head - g.entries + 1 AS base
    )
    SELECT coalesce(array_agg(base ORDER BY slot), '{}') INTO bases FROM taken;
    IF cardinality(bases) < cardinality(p_ids) THEN
        RAISE EXCEPTION 'of % partitions only % are owned', cardinality(p_ids), cardinality(bases)
            USING ERRCODE = 'WF001';
    END IF;

    IF cardinality(e_slots) > 0 THEN
        INSERT INTO events (aggregate_type, aggregate_id, sequence, event_type, event_version, payload, metadata,
                            partition, "offset")
        SELECT e.aggregate_type, e.aggregate_id, e.sequence, e.event_type, e.event_version, e.payload::json,
               e.metadata::json, p_ids[e.slot], bases[e.slot] + e.index
        FROM unnest(e_slots, e_indexes, e_aggregate_types, e_aggregate_ids, e_sequences, e_event_types,
                    e_event_versions, e_payloads, e_metadata)
            AS e (slot, index, aggregate_type, aggregate_id, sequence, event_type, event_version, payload, metadata);
    END IF;

    IF cardinality(o_slots) > 0 THEN
        -- An open command has no offset; asked like this the index of open commands, which may be long, is no
        -- way to find it.
        UPDATE commands c
        SET status = o.state, settled_at = o.settled_at, attempts = o.attempts, version = o.version,
            error = o.error, "offset" = bases[o.slot] + o.index
        FROM unnest(o_slots, o_indexes, o_ids, o_states, o_settled_at, o_attempts, o_versions, o_errors, o_tenants)
            AS o (slot, index, id, state, settled_at, attempts, version, error, tenant)
        WHERE c.id = o.id AND c.tenant = o.tenant AND c."offset" IS NULL;
        GET DIAGNOSTICS settled = ROW_COUNT;
        IF settled <> cardinality(o_ids) THEN
            RAISE EXCEPTION '% of % commands are open', settled, cardinality(o_ids) USING ERRCODE = 'WF002';
        END IF;
    END IF;

    -- One that is there already ends it all: who was first must be looked up outside.
    IF cardinality(n_slots) > 0 THEN
        INSERT INTO commands (id, tenant, partition, command_type, target, data, expected_version, accepted_at, actor,
                              callback_url, metadata, idempotency_key, fingerprint, correlation_id, caused_by,
                              traceparent, status, settled_at, attempts, version, error, "offset")
        SELECT n.id, n.tenant, p_ids[n.slot], n.command_type, n.target, n.data, n.expected_version, n.accepted_at,
               n.actor, n.callback_url, n.metadata, n.idempotency_key, n.fingerprint, n.correlation_id, n.caused_by,
               n.traceparent, n.state, n.settled_at, n.attempts, n.version, n.error, bases[n.slot] + n.index
        FROM unnest(n_slots, n_indexes, n_ids, n_states, n_settled_at, n_attempts, n_versions, n_errors, n_tenants,
                    n_types, n_targets, n_data, n_expected_versions, n_accepted_at, n_actors, n_callback_urls,
                    n_metadata, n_keys, n_fingerprints, n_correlation_ids, n_caused_by, n_traceparents)
            AS n (slot, index, id, state, settled_at, attempts, version, error, tenant, command_type, target, data,
                  expected_version, accepted_at, actor, callback_url, metadata, idempotency_key, fingerprint,
                  correlation_id, caused_by, traceparent);
    END IF;

    IF cardinality(v_ids) > 0 THEN
        INSERT INTO views AS v (view_id, version, payload, status, gone)
        SELECT n.view_id, n.version, n.payload::json, n.status, n.gone
        FROM unnest(v_ids, v_versions, v_payloads, v_statuses, v_gone) AS n (view_id, version, payload, status, gone)
        ORDER BY n.view_id -- as those who rebuild views do, so that neither waits for the other for ever
        ON CONFLICT (view_id) DO UPDATE
        SET version = EXCLUDED.version, payload = EXCLUDED.payload, status = EXCLUDED.status, gone = EXCLUDED.gone
        WHERE v.version < EXCLUDED.version;
    END IF;

    IF cardinality(s_versions) > 0 THEN
        INSERT INTO aggregate_snapshots AS s (aggregate_type, aggregate_id, version, payload)
        SELECT * FROM unnest(s_aggregate_types, s_aggregate_ids, s_versions, s_payloads)
        ON CONFLICT (aggregate_type, aggregate_id) DO UPDATE
        SET version = EXCLUDED.version, payload = EXCLUDED.payload
        WHERE s.version < EXCLUDED.version;
    END IF;

    RETURN bases;
END
$$;
COMMENT ON FUNCTION wilco_commit_2 IS 'Writes a unit of work, all or nothing.';

-- Cancels a command if it is open, at the next offset of its partition. True: done; false: it was settled
-- before; null: there is no such command.
CREATE FUNCTION wilco_cancel_2(p_id uuid, p_tenant text, p_at timestamptz, p_error text) RETURNS boolean
LANGUAGE plpgsql
AS $$
DECLARE
    its_partition smallint;
    its_status    smallint;
    next_offset   bigint;
BEGIN
    SELECT partition, status INTO its_partition, its_status FROM commands WHERE id = p_id AND tenant = p_tenant;
    IF NOT FOUND THEN
        RETURN NULL;
    ELSIF its_status <> 0 THEN
        RETURN false;
    END IF;
    UPDATE partitions SET head = head + 1 WHERE id = its_partition RETURNING head INTO next_offset;
    UPDATE commands SET status = 3, settled_at = p_at, attempts = 0, error = p_error, "offset" = next_offset
    WHERE id = p_id AND tenant = p_tenant AND "offset" IS NULL;
    IF NOT FOUND THEN
        -- Settled while this waited for the partition; nobody has seen the offset, so it is put back.
        UPDATE partitions SET head = head - 1 WHERE id = its_partition;
        RETURN false;
    END IF;
    RETURN true;
END
$$;
COMMENT ON FUNCTION wilco_cancel_2 IS 'Cancels a command if it is open.';
