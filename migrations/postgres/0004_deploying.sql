-- What makes one store safe under one build of the program after another: whose code made a snapshot or a view, which
-- kinds of events there are, and which commands no build could apply so far.

CREATE TABLE event_kinds (
    aggregate_type text COLLATE "C" NOT NULL,
    event_type     text COLLATE "C" NOT NULL,
    event_version  text COLLATE "C" NOT NULL,
    aggregate_id   text COLLATE "C" NOT NULL,
    sequence       bigint NOT NULL,
    CONSTRAINT event_kinds_pkey PRIMARY KEY (aggregate_type, event_type, event_version)
);

COMMENT ON TABLE event_kinds IS 'The kinds of events that are stored, each with one event to try whether it can be read.';
COMMENT ON COLUMN event_kinds.aggregate_type IS 'pet';
COMMENT ON COLUMN event_kinds.event_type IS 'pet.reserved';
COMMENT ON COLUMN event_kinds.event_version IS 'The version of the layout of the payload.';
COMMENT ON COLUMN event_kinds.aggregate_id IS 'The aggregate of the sample: its id as in events.';
COMMENT ON COLUMN event_kinds.sequence IS 'The number of the sample within its aggregate.';

INSERT INTO event_kinds (aggregate_type, event_type, event_version, aggregate_id, sequence)
SELECT k.aggregate_type, k.event_type, k.event_version, k.aggregate_id, e.sequence
FROM (
    SELECT aggregate_type, event_type, event_version, min(aggregate_id) AS aggregate_id
    FROM events
    GROUP BY aggregate_type, event_type, event_version
) k
CROSS JOIN LATERAL (
    SELECT sequence FROM events
    WHERE aggregate_type = k.aggregate_type AND aggregate_id = k.aggregate_id AND event_type = k.event_type
      AND event_version = k.event_version
    ORDER BY sequence LIMIT 1
) e;

CREATE TABLE blocked_commands (
    command_id     uuid     NOT NULL,
    tenant         text COLLATE "C" NOT NULL,
    partition      smallint NOT NULL,
    aggregate_type text COLLATE "C" NOT NULL,
    target         text COLLATE "C" NOT NULL,
    behind         boolean  NOT NULL,
    reason         text     NOT NULL,
    CONSTRAINT blocked_commands_pkey PRIMARY KEY (command_id, tenant)
);

COMMENT ON TABLE blocked_commands IS 'Open commands that cannot be applied by the build that owns their partition: they wait for another one. Few, and normally none.';
COMMENT ON COLUMN blocked_commands.command_id IS 'The id of the command.';
COMMENT ON COLUMN blocked_commands.tenant IS 'Whose it is; empty: the default tenant''s.';
COMMENT ON COLUMN blocked_commands.partition IS 'The partition of its target.';
COMMENT ON COLUMN blocked_commands.aggregate_type IS 'pet';
COMMENT ON COLUMN blocked_commands.target IS 'The id of the aggregate, as in events.';
COMMENT ON COLUMN blocked_commands.behind IS 'Whether it only waits behind another one for the same aggregate, so that their order is kept.';
COMMENT ON COLUMN blocked_commands.reason IS 'The problem as JSON: why it cannot be applied.';

CREATE INDEX blocked_commands_by_target ON blocked_commands (aggregate_type, target);
COMMENT ON INDEX blocked_commands_by_target IS 'What waits for the same aggregate.';

-- wilco_commit and wilco_commit_2 stay for replicas of the builds before, which go on while this is being deployed.

-- Writes a unit of work, all or nothing, in one round trip. Returns for each partition given the offset of its
-- entry with index 0. Arrays with the same prefix have the same length; a slot is a position in p_ids.
-- The e_ arrays are events, the o_ arrays outcomes of commands that are stored, the n_ arrays new commands with
-- their outcomes, the v_ arrays views, the s_ arrays snapshots, the k_ arrays kinds of events that nobody has noted
-- yet, the b_ arrays commands that cannot be applied.
--   own SQLSTATEs: WF001 a partition is not owned (any more); WF002 a command is settled already or unknown
--
-- The settings keep each join what it must be, a loop over the arrays with one index look-up each. Left to
-- itself the planner takes a scan of the whole table while its statistics are young.
CREATE FUNCTION wilco_commit_3(
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
COMMENT ON FUNCTION wilco_commit_3 IS 'Writes a unit of work, all or nothing.';

-- At the end, since these lock out whoever reads the tables until the migration is committed.
ALTER TABLE aggregate_snapshots ADD COLUMN fingerprint text;
COMMENT ON COLUMN aggregate_snapshots.fingerprint IS 'Which code made the row, and of which version: {hash}@{version}. Null, or of another version than the row''s: made by code that knew nothing of this. A row of other code is as good as none.';
ALTER TABLE views ADD COLUMN fingerprint text;
ALTER TABLE views ALTER COLUMN fingerprint SET STATISTICS 10;
COMMENT ON COLUMN views.fingerprint IS 'As in aggregate_snapshots.';
