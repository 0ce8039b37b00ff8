-- Processes observe events. The twin of the SQLite migration of this number.

ALTER TABLE processes ADD COLUMN seen text;
COMMENT ON COLUMN processes.seen IS 'Up to which offset of each partition''s feed it has seen what it observes, a JSON object; null: nothing.';

ALTER TABLE processes ADD COLUMN resumed boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN processes.resumed IS 'Somebody has let it go on: what waited for it is to be handled before what comes now.';

-- As it was, and the instance remembers it.
-- Lets an instance that stands still go on, with all that waits for it. False: it does not stand still.
CREATE OR REPLACE FUNCTION wilco_resume(p_type text, p_tenant text, p_id text, p_home text, p_target text) RETURNS boolean
LANGUAGE plpgsql
AS $$
BEGIN
    UPDATE processes SET parked = NULL, resumed = true, version = version + 1
    WHERE process_type = p_type AND tenant = p_tenant AND process_id = p_id AND parked IS NOT NULL AND ended_at IS NULL;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    UPDATE timers SET parked = false WHERE process_type = p_type AND tenant = p_tenant AND process_id = p_id;
    UPDATE signals SET parked = false
    WHERE parked AND tenant = p_tenant AND starts_with(address, p_type || '/' || p_id || '/');
    DELETE FROM blocked_commands WHERE aggregate_type = p_home AND target = p_target;
    RETURN true;
END
$$;

-- wilco_step stays for replicas of the builds before, which go on while this is being deployed. They take nothing away of
-- what instances have seen.

-- Writes what instances did, and marks commands as running. Called in the statement that writes a unit of work, which has
-- made sure of the partitions.
--   p_steps   [{process_type, tenant, process_id, partition, expected (version, 0: it begins), version, …, the columns,
--             times as text}]
--   p_signals [{source, offset, address}] that were handled  p_told [{id, tenant}] of commands that are settled with it, of
--             which no signal is left  p_fired [{…, name, due_at}]  p_stopped [{…, name}]
--   p_set [{…, name, partition, due_at}]  p_parked [{process_type, tenant, process_id}] that stand still
--   p_begun   [{id, tenant}] of commands that are stored
--   own SQLSTATEs: WF002 an instance, a signal, a timer or a command is not as it was
--
-- The settings keep each join what it must be, a loop over what is given with one index look-up each. Open commands are
-- looked for one by one, and not by what an index of open ones knows them by: while the statistics are young the planner
-- looks through all of such an index, which holds all that was open until somebody has cleaned up.
CREATE FUNCTION wilco_step_2(
    p_steps jsonb, p_signals jsonb, p_told jsonb, p_fired jsonb, p_stopped jsonb, p_set jsonb, p_parked jsonb, p_begun jsonb
) RETURNS void
LANGUAGE plpgsql
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
SET jit = off
SET plan_cache_mode = force_generic_plan
AS $$
DECLARE
    one  record;
    done bigint;
BEGIN
    INSERT INTO processes AS p (process_type, tenant, process_id, partition, version, state_version, state, holds, awaits,
                                progress, depth, correlation_id, caused_by, actor, traceparent, begun_at, ended_at, parked,
                                seen)
    SELECT n.process_type, n.tenant, n.process_id, n.partition, n.version, n.state_version, n.state, n.holds, n.awaits,
           n.progress, n.depth, n.correlation_id, n.caused_by, n.actor, n.traceparent, n.begun_at, n.ended_at, n.parked,
           n.seen
    FROM jsonb_to_recordset(p_steps) AS n (
        process_type text, tenant text, process_id text, partition smallint, version bigint, state_version smallint,
        state text, holds uuid[], awaits integer, progress text, depth smallint, correlation_id uuid, caused_by uuid,
        actor text, traceparent text, begun_at timestamptz, ended_at timestamptz, parked text, expected bigint,
        seen text)
    WHERE n.expected = 0
    ON CONFLICT DO NOTHING;
    GET DIAGNOSTICS done = ROW_COUNT;
    IF done <> (SELECT count(*) FROM jsonb_to_recordset(p_steps) AS n (expected bigint) WHERE n.expected = 0) THEN
        RAISE EXCEPTION 'a process has begun already' USING ERRCODE = 'WF002';
    END IF;

    UPDATE processes p
    SET version = n.version, state_version = n.state_version, state = n.state, holds = n.holds, awaits = n.awaits,
        progress = n.progress, ended_at = n.ended_at, parked = n.parked,
        seen = n.seen, resumed = n.resumed
    FROM jsonb_to_recordset(p_steps) AS n (
        process_type text, tenant text, process_id text, version bigint, state_version smallint, state text, holds uuid[],
        awaits integer, progress text, ended_at timestamptz, parked text, expected bigint, seen text,
        resumed boolean)
    WHERE n.expected > 0 AND p.process_type = n.process_type AND p.tenant = n.tenant AND p.process_id = n.process_id
      AND p.version = n.expected;
    GET DIAGNOSTICS done = ROW_COUNT;
    IF done <> (SELECT count(*) FROM jsonb_to_recordset(p_steps) AS n (expected bigint) WHERE n.expected > 0) THEN
        RAISE EXCEPTION 'a process is not where it was' USING ERRCODE = 'WF002';
    END IF;

    -- Nothing is left waiting for one that somebody lets go on meanwhile; locked, since that looks for what waits.
    PERFORM FROM processes p
    JOIN jsonb_to_recordset(p_parked) AS n (process_type text, tenant text, process_id text)
        USING (process_type, tenant, process_id)
    WHERE p.parked IS NOT NULL AND p.ended_at IS NULL
    FOR SHARE OF p;
    GET DIAGNOSTICS done = ROW_COUNT;
    IF done <> jsonb_array_length(p_parked) THEN
        RAISE EXCEPTION 'a process goes on' USING ERRCODE = 'WF002';
    END IF;

    DELETE FROM signals s USING jsonb_to_recordset(p_signals) AS n (source smallint, "offset" bigint, address text)
    WHERE s.source = n.source AND s."offset" = n."offset" AND s.address = n.address;
    GET DIAGNOSTICS done = ROW_COUNT;
    IF done <> jsonb_array_length(p_signals) THEN
        RAISE EXCEPTION 'a signal was handled already' USING ERRCODE = 'WF002';
    END IF;

    DELETE FROM signals s USING jsonb_to_recordset(p_told) AS n (id uuid, tenant text)
    JOIN commands c USING (id, tenant)
    WHERE s.source = c.partition AND s."offset" = c."offset" AND s.address = c.reply_to;
    GET DIAGNOSTICS done = ROW_COUNT;
    IF done <> jsonb_array_length(p_told) THEN
        RAISE EXCEPTION 'nobody waits for a command' USING ERRCODE = 'WF002';
    END IF;

    DELETE FROM timers t USING jsonb_to_recordset(p_fired)
        AS n (process_type text, tenant text, process_id text, name text, due_at timestamptz)
    WHERE t.process_type = n.process_type AND t.tenant = n.tenant AND t.process_id = n.process_id AND t.name = n.name
      AND t.due_at = n.due_at;
    GET DIAGNOSTICS done = ROW_COUNT;
    IF done <> jsonb_array_length(p_fired) THEN
        RAISE EXCEPTION 'a timer is not as it was' USING ERRCODE = 'WF002';
    END IF;

    DELETE FROM timers t USING jsonb_to_recordset(p_stopped)
        AS n (process_type text, tenant text, process_id text, name text)
    WHERE t.process_type = n.process_type AND t.tenant = n.tenant AND t.process_id = n.process_id AND t.name = n.name;

    DELETE FROM timers t USING jsonb_to_recordset(p_steps)
        AS n (process_type text, tenant text, process_id text, ended_at timestamptz)
    WHERE n.ended_at IS NOT NULL
      AND t.process_type = n.process_type AND t.tenant = n.tenant AND t.process_id = n.process_id;

    INSERT INTO timers (process_type, tenant, process_id, name, partition, due_at)
    SELECT * FROM jsonb_to_recordset(p_set)
        AS n (process_type text, tenant text, process_id text, name text, partition smallint, due_at timestamptz)
    ON CONFLICT (process_type, tenant, process_id, name) DO UPDATE SET due_at = EXCLUDED.due_at, parked = false;

    UPDATE timers t SET parked = true
    FROM jsonb_to_recordset(p_parked) AS n (process_type text, tenant text, process_id text)
    WHERE t.process_type = n.process_type AND t.tenant = n.tenant AND t.process_id = n.process_id;
    UPDATE signals s SET parked = true
    FROM jsonb_to_recordset(p_parked) AS n (process_type text, tenant text, process_id text)
    JOIN processes p USING (process_type, tenant, process_id)
    WHERE s.partition = p.partition AND s.tenant = n.tenant AND NOT s.parked
      AND starts_with(s.address, n.process_type || '/' || n.process_id || '/');

    FOR one IN SELECT * FROM jsonb_to_recordset(p_begun) AS n (id uuid, tenant text) LOOP
        UPDATE commands SET status = 4
        WHERE id = one.id AND tenant = one.tenant AND "offset" IS NULL AND status <> 4;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'a command is not open any more' USING ERRCODE = 'WF002';
        END IF;
    END LOOP;
END
$$;
COMMENT ON FUNCTION wilco_step_2 IS 'Writes what instances of processes did.';

-- As it was, and as quick whatever there is.
CREATE OR REPLACE FUNCTION wilco_attempt(p_attempts jsonb, p_results jsonb, p_postponed jsonb) RETURNS void
LANGUAGE plpgsql
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
SET jit = off
SET plan_cache_mode = force_generic_plan
AS $$
DECLARE
    one  record;
    done bigint;
    part bigint;
BEGIN
    INSERT INTO attempts (command_id, tenant, partition, destination, attempt, begun_at, in_doubt, due_at)
    SELECT n.command_id, n.tenant, n.partition, n.destination, n.after, n.begun_at, n.in_doubt, n.due_at
    FROM jsonb_to_recordset(p_attempts) AS n (
        command_id uuid, tenant text, partition smallint, before integer, after integer, destination text,
        begun_at timestamptz, in_doubt boolean, due_at timestamptz)
    WHERE n.before IS NULL
    ON CONFLICT DO NOTHING;
    GET DIAGNOSTICS done = ROW_COUNT;

    UPDATE attempts a
    SET attempt = n.after, destination = n.destination, begun_at = n.begun_at, in_doubt = n.in_doubt, due_at = n.due_at
    FROM jsonb_to_recordset(p_attempts) AS n (
        command_id uuid, tenant text, before integer, after integer, destination text, begun_at timestamptz,
        in_doubt boolean, due_at timestamptz)
    WHERE a.command_id = n.command_id AND a.tenant = n.tenant AND a.attempt = n.before AND n.after IS NOT NULL;
    GET DIAGNOSTICS part = ROW_COUNT;
    done := done + part;

    DELETE FROM attempts a
    USING jsonb_to_recordset(p_attempts) AS n (command_id uuid, tenant text, before integer, after integer)
    WHERE a.command_id = n.command_id AND a.tenant = n.tenant AND a.attempt = n.before AND n.after IS NULL;
    GET DIAGNOSTICS part = ROW_COUNT;
    IF done + part <> jsonb_array_length(p_attempts) THEN
        RAISE EXCEPTION 'an attempt is not where it was' USING ERRCODE = 'WF002';
    END IF;

    UPDATE commands c SET result = n.result
    FROM jsonb_to_recordset(p_results) AS n (id uuid, tenant text, result text)
    WHERE c.id = n.id AND c.tenant = n.tenant;

    FOR one IN SELECT * FROM jsonb_to_recordset(p_postponed) AS n (id uuid, tenant text, until timestamptz) LOOP
        UPDATE commands SET not_before = one.until
        WHERE id = one.id AND tenant = one.tenant AND "offset" IS NULL AND status <> 4;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'a command is not open any more' USING ERRCODE = 'WF002';
        END IF;
    END LOOP;
END
$$;

-- wilco_commit_3 stays for replicas of the builds before, which go on while this is being deployed.

-- Writes a unit of work, all or nothing, in one round trip. Returns for each partition given the offset of its
-- entry with index 0. Arrays with the same prefix have the same length; a slot is a position in p_ids.
-- The e_ arrays are events, the o_ arrays outcomes of commands that are stored, the n_ arrays new commands with
-- their outcomes, the v_ arrays views, the s_ arrays snapshots, the k_ arrays kinds of events that nobody has noted
-- yet, the b_ arrays commands that cannot be applied.
--   own SQLSTATEs: WF001 a partition is not owned (any more); WF002 a command is settled already or unknown
--
-- The settings keep each join what it must be, a loop over the arrays with one index look-up each. Left to
-- itself the planner takes a scan of the whole table while its statistics are young.
CREATE FUNCTION wilco_commit_4(
    p_owner uuid, p_ids smallint[], p_epochs bigint[], p_entries integer[],
    e_slots integer[], e_indexes integer[], e_aggregate_types text[], e_aggregate_ids text[],
    e_sequences bigint[], e_event_types text[], e_event_versions text[], e_payloads text[], e_metadata text[],
    o_slots integer[], o_indexes integer[], o_ids uuid[], o_states smallint[], o_settled_at timestamptz[],
    o_attempts integer[], o_versions bigint[], o_errors text[], o_tenants text[],
    n_slots integer[], n_indexes integer[], n_ids uuid[], n_states smallint[], n_settled_at timestamptz[],
    n_attempts integer[], n_versions bigint[], n_errors text[],
    n_tenants text[], n_types text[], n_targets text[], n_data text[], n_expected_versions bigint[],
    n_accepted_at timestamptz[], n_actors text[], n_callback_urls text[], n_metadata text[], n_keys text[],
    n_fingerprints bytea[], n_correlation_ids uuid[], n_caused_by uuid[], n_traceparents text[], n_depths smallint[],
    v_ids text[], v_versions bigint[], v_payloads text[], v_statuses text[], v_gone boolean[],
    v_fingerprints text[],
    s_aggregate_types text[], s_aggregate_ids text[], s_versions bigint[], s_payloads text[], s_fingerprints text[],
    k_aggregate_types text[], k_event_types text[], k_event_versions text[], k_aggregate_ids text[],
    k_sequences bigint[],
    b_ids uuid[], b_tenants text[], b_partitions smallint[], b_aggregate_types text[], b_targets text[],
    b_behind boolean[], b_reasons text[]
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
                              traceparent, depth, status, settled_at, attempts, version, error, "offset")
        SELECT n.id, n.tenant, p_ids[n.slot], n.command_type, n.target, n.data, n.expected_version, n.accepted_at,
               n.actor, n.callback_url, n.metadata, n.idempotency_key, n.fingerprint, n.correlation_id, n.caused_by,
               n.traceparent, n.depth, n.state, n.settled_at, n.attempts, n.version, n.error, bases[n.slot] + n.index
        FROM unnest(n_slots, n_indexes, n_ids, n_states, n_settled_at, n_attempts, n_versions, n_errors, n_tenants,
                    n_types, n_targets, n_data, n_expected_versions, n_accepted_at, n_actors, n_callback_urls,
                    n_metadata, n_keys, n_fingerprints, n_correlation_ids, n_caused_by, n_traceparents, n_depths)
            AS n (slot, index, id, state, settled_at, attempts, version, error, tenant, command_type, target, data,
                  expected_version, accepted_at, actor, callback_url, metadata, idempotency_key, fingerprint,
                  correlation_id, caused_by, traceparent, depth);
    END IF;

    IF cardinality(v_ids) > 0 THEN
        INSERT INTO views AS v (view_id, version, payload, status, gone, fingerprint)
        SELECT n.view_id, n.version, n.payload::json, n.status, n.gone, n.fingerprint
        FROM unnest(v_ids, v_versions, v_payloads, v_statuses, v_gone, v_fingerprints)
            AS n (view_id, version, payload, status, gone, fingerprint)
        ORDER BY n.view_id -- as those who rebuild views do, so that neither waits for the other for ever
        ON CONFLICT (view_id) DO UPDATE
        SET version = EXCLUDED.version, payload = EXCLUDED.payload, status = EXCLUDED.status, gone = EXCLUDED.gone,
            fingerprint = EXCLUDED.fingerprint
        WHERE v.version < EXCLUDED.version;
    END IF;

    IF cardinality(s_versions) > 0 THEN
        INSERT INTO aggregate_snapshots AS s (aggregate_type, aggregate_id, version, payload, fingerprint)
        SELECT * FROM unnest(s_aggregate_types, s_aggregate_ids, s_versions, s_payloads, s_fingerprints)
        ON CONFLICT (aggregate_type, aggregate_id) DO UPDATE
        SET version = EXCLUDED.version, payload = EXCLUDED.payload, fingerprint = EXCLUDED.fingerprint
        WHERE s.version < EXCLUDED.version;
    END IF;

    IF cardinality(b_ids) > 0 THEN
        INSERT INTO blocked_commands AS b (command_id, tenant, partition, aggregate_type, target, behind, reason)
        SELECT n.id, n.tenant, n.partition, n.aggregate_type, n.target, n.behind, n.reason
        FROM unnest(b_ids, b_tenants, b_partitions, b_aggregate_types, b_targets, b_behind, b_reasons)
            AS n (id, tenant, partition, aggregate_type, target, behind, reason)
        JOIN commands c ON c.id = n.id AND c.tenant = n.tenant
        WHERE c."offset" IS NULL
        ON CONFLICT (command_id, tenant) DO UPDATE SET behind = EXCLUDED.behind, reason = EXCLUDED.reason;
    END IF;

    -- Last, and in order: another partition may note the same kinds at the same time.
    IF cardinality(k_sequences) > 0 THEN
        INSERT INTO event_kinds (aggregate_type, event_type, event_version, aggregate_id, sequence)
        SELECT n.aggregate_type, n.event_type, n.event_version, n.aggregate_id, n.sequence
        FROM unnest(k_aggregate_types, k_event_types, k_event_versions, k_aggregate_ids, k_sequences)
            AS n (aggregate_type, event_type, event_version, aggregate_id, sequence)
        ORDER BY n.aggregate_type, n.event_type, n.event_version
        ON CONFLICT DO NOTHING;
    END IF;

    RETURN bases;
END
$$;
COMMENT ON FUNCTION wilco_commit_4 IS 'Writes a unit of work, all or nothing.';
