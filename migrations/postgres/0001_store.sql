-- The store: who owns what, the registry of commands, the journal of events, views, snapshots, checkpoints.
--
-- Lock order, everywhere: partition rows first (in ascending order of id), then commands. What keeps to it
-- cannot deadlock.

CREATE TABLE partitions (
    id    smallint NOT NULL,
    owner uuid,
    epoch bigint   NOT NULL DEFAULT 0,
    head  bigint   NOT NULL DEFAULT 0,
    CONSTRAINT partitions_pkey PRIMARY KEY (id),
    CONSTRAINT a_partition_is_numbered_from_zero CHECK (id >= 0),
    CONSTRAINT a_head_counts_up_from_zero CHECK (head >= 0)
) WITH (fillfactor = 10, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_scale_factor = 0);

COMMENT ON TABLE partitions IS 'Aggregates hash onto these rows; each is lease, fence and sequence at once. Every commit updates the rows it touches, so they are narrow and their pages mostly empty (the updates stay on the page).';
COMMENT ON COLUMN partitions.id IS 'Number of the partition, 0 to count - 1; the rows are made when the store is, and stay.';
COMMENT ON COLUMN partitions.owner IS 'The replica that may commit to it; null: none.';
COMMENT ON COLUMN partitions.epoch IS 'Rises with each change of owner; a commit names the epoch it believes in.';
COMMENT ON COLUMN partitions.head IS 'Offset of the newest entry of its feed; 0: none yet.';

CREATE TABLE replicas (
    id          uuid        NOT NULL,
    lease_until timestamptz NOT NULL,
    CONSTRAINT replicas_pkey PRIMARY KEY (id)
) WITH (fillfactor = 10);

COMMENT ON TABLE replicas IS 'The processes that share the store. A heartbeat renews one row here and leaves the busy partition rows alone.';
COMMENT ON COLUMN replicas.id IS 'The replica, as in partitions.owner.';
COMMENT ON COLUMN replicas.lease_until IS 'What it owns is free from then on, by the clock of the database.';

CREATE TABLE commands (
    id               uuid        NOT NULL,
    accepted_at      timestamptz NOT NULL,
    not_before       timestamptz,
    expected_version bigint,
    partition        smallint    NOT NULL,
    status           smallint    NOT NULL DEFAULT 0,
    attempts         integer,
    "offset"         bigint,
    settled_at       timestamptz,
    version          bigint,
    correlation_id   uuid,
    caused_by        uuid,
    fingerprint      bytea,
    tenant           text COLLATE "C" NOT NULL,
    command_type     text COLLATE "C" NOT NULL,
    target           text COLLATE "C" NOT NULL,
    data             text        NOT NULL,
    idempotency_key  text COLLATE "C",
    actor            text,
    callback_url     text,
    metadata         text,
    traceparent      text,
    error            text,
    CONSTRAINT commands_pkey PRIMARY KEY (id),
    CONSTRAINT a_command_has_an_offset_iff_it_is_settled CHECK ((status = 0) = ("offset" IS NULL))
) WITH (autovacuum_vacuum_scale_factor = 0.1, autovacuum_vacuum_insert_scale_factor = 0.2);

COMMENT ON TABLE commands IS 'The registry: everything that was ever asked for, and how it ended. One insert; one update, if it was not settled with that.';
COMMENT ON COLUMN commands.id IS 'UUIDv7, unless the client chose one.';
COMMENT ON COLUMN commands.accepted_at IS 'When it was accepted; with id, the order of acceptance.';
COMMENT ON COLUMN commands.not_before IS 'Not to be applied earlier; null: at once.';
COMMENT ON COLUMN commands.expected_version IS 'The version the client expects the aggregate to have.';
COMMENT ON COLUMN commands.partition IS 'The partition of its target.';
COMMENT ON COLUMN commands.status IS '0 open, 1 succeeded, 2 failed, 3 cancelled.';
COMMENT ON COLUMN commands.attempts IS 'How often it was tried; null while open.';
COMMENT ON COLUMN commands."offset" IS 'Its place in the feed of its partition; null while open.';
COMMENT ON COLUMN commands.settled_at IS 'When it was settled.';
COMMENT ON COLUMN commands.version IS 'The version of the aggregate after it; null unless it succeeded.';
COMMENT ON COLUMN commands.correlation_id IS 'Shared by everything one request set off; null: its own id.';
COMMENT ON COLUMN commands.caused_by IS 'The command that led to it.';
COMMENT ON COLUMN commands.fingerprint IS 'Hash of the request, 16 bytes; null where none was taken.';
COMMENT ON COLUMN commands.tenant IS 'Whose it is; empty while there are no API keys.';
COMMENT ON COLUMN commands.command_type IS 'pet.reserve: aggregate type and verb.';
COMMENT ON COLUMN commands.target IS 'The id of the aggregate.';
COMMENT ON COLUMN commands.data IS 'The fields of the command as JSON, byte for byte (jsonb would reorder and round).';
COMMENT ON COLUMN commands.idempotency_key IS 'The key the client gave, unique per tenant; null: the id is the key.';
COMMENT ON COLUMN commands.actor IS 'Who asked for it.';
COMMENT ON COLUMN commands.callback_url IS 'Where to post the outcome.';
COMMENT ON COLUMN commands.metadata IS 'The metadata of the client, a JSON object of strings.';
COMMENT ON COLUMN commands.traceparent IS 'W3C Trace Context of the request.';
COMMENT ON COLUMN commands.error IS 'The problem as JSON; null unless it failed or was cancelled.';

CREATE UNIQUE INDEX commands_by_key ON commands (tenant, idempotency_key) WHERE idempotency_key IS NOT NULL;
COMMENT ON INDEX commands_by_key IS 'A key is used once per tenant.';
CREATE INDEX commands_open ON commands (partition, accepted_at, id) WHERE status = 0 AND not_before IS NULL;
COMMENT ON INDEX commands_open IS 'What is to be applied at once, in order. Apart from the scheduled ones, so that a million of those costs it nothing.';
CREATE INDEX commands_scheduled ON commands (partition, not_before) WHERE status = 0 AND not_before IS NOT NULL;
COMMENT ON INDEX commands_scheduled IS 'What waits for its time.';
CREATE INDEX commands_feed ON commands (partition, "offset") WHERE "offset" IS NOT NULL;
COMMENT ON INDEX commands_feed IS 'The outcomes of a partition, as its feed tells them.';
CREATE INDEX commands_by_acceptance ON commands (accepted_at, id) WHERE accepted_at > '-infinity';
COMMENT ON INDEX commands_by_acceptance IS 'Lists, newest first. The condition, which holds always, keeps it for statements that repeat it: while a backlog is long the planner would otherwise look for what is open in here, and walk over all that is settled.';
CREATE INDEX commands_unsuccessful ON commands (status, accepted_at, id) WHERE status IN (2, 3);
COMMENT ON INDEX commands_unsuccessful IS 'Lists of the failed and of the cancelled, which are few among many.';
CREATE INDEX commands_by_correlation ON commands (correlation_id, accepted_at, id) WHERE correlation_id IS NOT NULL;
COMMENT ON INDEX commands_by_correlation IS 'What one request set off.';

-- The columns of postgres-es 0.5, whose repositories read and write this table, and two of our own. An existing
-- table of theirs is adopted as it is; its rows get their offsets after the migration.
CREATE TABLE IF NOT EXISTS events (
    aggregate_type text COLLATE "C"                   NOT NULL,
    aggregate_id   text COLLATE "C"                   NOT NULL,
    sequence       bigint CHECK (sequence >= 0)       NOT NULL,
    event_type     text                               NOT NULL,
    event_version  text                               NOT NULL,
    payload        json                               NOT NULL,
    metadata       json                               NOT NULL,
    PRIMARY KEY (aggregate_type, aggregate_id, sequence)
);
ALTER TABLE events
    ADD COLUMN IF NOT EXISTS partition smallint,
    ADD COLUMN IF NOT EXISTS "offset" bigint;

-- An adopted table compares ids by the rules of the database's language: slower, and in another order than the
-- other tables. Changing the collation rebuilds the key, not the table.
DO $$
BEGIN
    IF EXISTS (
        SELECT FROM pg_attribute
        WHERE attrelid = 'events'::regclass AND attname = 'aggregate_id' AND attcollation <> '"C"'::regcollation
    ) THEN
        ALTER TABLE events
            ALTER COLUMN aggregate_type TYPE text COLLATE "C",
            ALTER COLUMN aggregate_id TYPE text COLLATE "C";
    END IF;
END
$$;

COMMENT ON TABLE events IS 'The journal: what happened, for good. Shared with postgres-es.';
COMMENT ON COLUMN events.aggregate_type IS 'pet';
COMMENT ON COLUMN events.aggregate_id IS 'pet-42';
COMMENT ON COLUMN events.sequence IS '1, 2, 3 ... within the aggregate.';
COMMENT ON COLUMN events.event_type IS 'pet.reserved';
COMMENT ON COLUMN events.event_version IS 'The version of the layout of the payload.';
COMMENT ON COLUMN events.payload IS 'The event.';
COMMENT ON COLUMN events.metadata IS 'A JSON object of strings: command_id, correlation_id, at and more.';
COMMENT ON COLUMN events.partition IS 'The partition of the aggregate; null: written by postgres-es and not adopted yet.';
COMMENT ON COLUMN events."offset" IS 'Its place in the feed of its partition; null: not adopted yet.';

CREATE INDEX events_feed ON events (partition, "offset") WHERE "offset" IS NOT NULL;
COMMENT ON INDEX events_feed IS 'The events of a partition, as its feed tells them.';
CREATE INDEX events_to_adopt ON events (aggregate_type, aggregate_id, sequence) WHERE "offset" IS NULL;
COMMENT ON INDEX events_to_adopt IS 'What postgres-es wrote and nobody adopted yet; empty otherwise.';

CREATE TABLE aggregate_snapshots (
    aggregate_type text COLLATE "C" NOT NULL,
    aggregate_id   text COLLATE "C" NOT NULL,
    version        bigint NOT NULL,
    payload        text   NOT NULL,
    CONSTRAINT aggregate_snapshots_pkey PRIMARY KEY (aggregate_type, aggregate_id)
) WITH (fillfactor = 80);

COMMENT ON TABLE aggregate_snapshots IS 'The newest snapshot of each aggregate that has one. A mere optimisation: may be emptied at any time.';
COMMENT ON COLUMN aggregate_snapshots.aggregate_type IS 'pet';
COMMENT ON COLUMN aggregate_snapshots.aggregate_id IS 'pet-42';
COMMENT ON COLUMN aggregate_snapshots.version IS 'The number of the last event in it.';
COMMENT ON COLUMN aggregate_snapshots.payload IS 'The state as JSON.';

CREATE TABLE views (
    view_id text COLLATE "C" NOT NULL,
    version bigint  NOT NULL,
    payload json    NOT NULL,
    status  text COLLATE "C" NOT NULL,
    gone    boolean NOT NULL DEFAULT false,
    CONSTRAINT views_pkey PRIMARY KEY (view_id),
    CONSTRAINT a_view_has_a_version CHECK (version >= 0)
) WITH (fillfactor = 80);

COMMENT ON TABLE views IS 'The landing view of each aggregate, written with its events. Readable by a postgres-es view repository.';
COMMENT ON COLUMN views.view_id IS 'pet/pet-42';
COMMENT ON COLUMN views.version IS 'The number of the last event in it.';
COMMENT ON COLUMN views.payload IS 'What the resource answers.';
COMMENT ON COLUMN views.status IS 'What lists are filtered by.';
COMMENT ON COLUMN views.gone IS 'Whether the resource exists no more; lists leave it out.';

CREATE INDEX views_by_status ON views (status, view_id) WHERE NOT gone;
COMMENT ON INDEX views_by_status IS 'Lists of one status.';

CREATE TABLE checkpoints (
    reader    text COLLATE "C" NOT NULL,
    partition smallint NOT NULL,
    "offset"  bigint   NOT NULL,
    mark      bigint,
    CONSTRAINT checkpoints_pkey PRIMARY KEY (reader, partition)
) WITH (fillfactor = 20);

COMMENT ON TABLE checkpoints IS 'How far each durable reader of the feed has come.';
COMMENT ON COLUMN checkpoints.reader IS 'Name of the reader.';
COMMENT ON COLUMN checkpoints.partition IS 'The partition it reads.';
COMMENT ON COLUMN checkpoints."offset" IS 'Everything up to and including this offset is done.';
COMMENT ON COLUMN checkpoints.mark IS 'The sequence number of the broker at that point, for readers that publish.';

CREATE TABLE checkpoint_marks (
    reader    text COLLATE "C" NOT NULL,
    partition smallint NOT NULL,
    mark      bigint   NOT NULL,
    "offset"  bigint   NOT NULL,
    CONSTRAINT checkpoint_marks_pkey PRIMARY KEY (reader, partition, mark)
);

COMMENT ON TABLE checkpoint_marks IS 'Former checkpoints with a mark, the newest 1000 or so of each partition: where to go back to when the broker lost its tail.';
COMMENT ON COLUMN checkpoint_marks.reader IS 'Name of the reader.';
COMMENT ON COLUMN checkpoint_marks.partition IS 'The partition it reads.';
COMMENT ON COLUMN checkpoint_marks.mark IS 'The sequence number of the broker at that point.';
COMMENT ON COLUMN checkpoint_marks."offset" IS 'Everything up to and including this offset was done.';

-- No plan depends on statistics, so autovacuum need not read 30,000 wide rows again and again to make them.
DO $$
DECLARE
    its record;
BEGIN
    FOR its IN
        SELECT attrelid::regclass AS relation, attname AS name FROM pg_attribute
        WHERE attrelid IN ('commands'::regclass, 'events'::regclass, 'views'::regclass)
          AND attnum > 0 AND NOT attisdropped
    LOOP
        EXECUTE format('ALTER TABLE %s ALTER COLUMN %I SET STATISTICS 10', its.relation, its.name);
    END LOOP;
END
$$;

-- Writes a unit of work, all or nothing, in one round trip. Returns for each partition given the offset of its
-- entry with index 0. Arrays with the same prefix have the same length; a slot is a position in p_ids.
-- The e_ arrays are events, the o_ arrays outcomes of commands that are stored, the n_ arrays new commands with
-- their outcomes, the v_ arrays views, the s_ arrays snapshots.
--   own SQLSTATEs: WF001 a partition is not owned (any more); WF002 a command is settled already or unknown
--
-- The settings keep each join what it must be, a loop over the arrays with one index look-up each. Left to
-- itself the planner takes a scan of the whole table while its statistics are young.
CREATE FUNCTION wilco_commit(
    p_owner uuid, p_ids smallint[], p_epochs bigint[], p_entries integer[],
    e_slots integer[], e_indexes integer[], e_aggregate_types text[], e_aggregate_ids text[],
    e_sequences bigint[], e_event_types text[], e_event_versions text[], e_payloads text[], e_metadata text[],
    o_slots integer[], o_indexes integer[], o_ids uuid[], o_states smallint[], o_settled_at timestamptz[],
    o_attempts integer[], o_versions bigint[], o_errors text[],
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
        FROM unnest(o_slots, o_indexes, o_ids, o_states, o_settled_at, o_attempts, o_versions, o_errors)
            AS o (slot, index, id, state, settled_at, attempts, version, error)
        WHERE c.id = o.id AND c."offset" IS NULL;
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
COMMENT ON FUNCTION wilco_commit IS 'Writes a unit of work, all or nothing.';

-- Cancels a command if it is open, at the next offset of its partition. True: done; false: it was settled
-- before; null: there is no such command.
CREATE FUNCTION wilco_cancel(p_id uuid, p_at timestamptz, p_error text) RETURNS boolean
LANGUAGE plpgsql
AS $$
DECLARE
    its_partition smallint;
    its_status    smallint;
    next_offset   bigint;
BEGIN
    SELECT partition, status INTO its_partition, its_status FROM commands WHERE id = p_id;
    IF NOT FOUND THEN
        RETURN NULL;
    ELSIF its_status <> 0 THEN
        RETURN false;
    END IF;
    UPDATE partitions SET head = head + 1 WHERE id = its_partition RETURNING head INTO next_offset;
    UPDATE commands SET status = 3, settled_at = p_at, attempts = 0, error = p_error, "offset" = next_offset
    WHERE id = p_id AND "offset" IS NULL;
    IF NOT FOUND THEN
        -- Settled while this waited for the partition; nobody has seen the offset, so it is put back.
        UPDATE partitions SET head = head - 1 WHERE id = its_partition;
        RETURN false;
    END IF;
    RETURN true;
END
$$;
COMMENT ON FUNCTION wilco_cancel IS 'Cancels a command if it is open.';

-- Renews the lease of a replica, claims its fair share of the free partitions, gives back what is above it. The
-- first row: how many replicas are alive (in epoch), and the age, in transactions, of the oldest snapshot that any
-- session still sees, which vacuum cannot clean behind (in head); the others: what the replica owns now.
CREATE FUNCTION wilco_heartbeat(p_replica uuid, p_ttl interval)
RETURNS TABLE (o_partition smallint, o_epoch bigint, o_head bigint)
LANGUAGE plpgsql
AS $$
DECLARE
    present        timestamptz := clock_timestamp();
    replicas_alive bigint;
    share          integer;
    mine           smallint[];
BEGIN
    INSERT INTO replicas VALUES (p_replica, present + p_ttl)
    ON CONFLICT (id) DO UPDATE SET lease_until = EXCLUDED.lease_until;
    DELETE FROM replicas WHERE id IN (
        SELECT id FROM replicas WHERE lease_until < present - interval '1 hour' FOR UPDATE SKIP LOCKED
    );
    -- At least this one, even with a lease that is over at once.
    SELECT greatest(count(*), 1) INTO replicas_alive FROM replicas WHERE lease_until > present;
    SELECT ceil(count(*)::numeric / replicas_alive) INTO share FROM partitions;
    SELECT coalesce(array_agg(id ORDER BY id), '{}') INTO mine FROM partitions WHERE owner = p_replica;

    IF cardinality(mine) > share THEN
        -- Waits for a commit under way: skipping locked rows would never give a busy partition back.
        PERFORM FROM partitions WHERE id = ANY (mine[share + 1:]) ORDER BY id FOR UPDATE;
        UPDATE partitions SET owner = NULL, epoch = epoch + 1 WHERE id = ANY (mine[share + 1:]) AND owner = p_replica;
    ELSIF cardinality(mine) < share THEN
        UPDATE partitions SET owner = p_replica, epoch = epoch + 1
        WHERE id IN (
            SELECT p.id FROM partitions p LEFT JOIN replicas r ON r.id = p.owner
            WHERE p.owner IS NULL OR r.id IS NULL OR r.lease_until <= present
            ORDER BY p.id LIMIT share - cardinality(mine)
            FOR UPDATE OF p SKIP LOCKED
        );
    END IF;

    RETURN QUERY SELECT NULL::smallint, replicas_alive, coalesce(max(age(backend_xmin)), 0)::bigint
    FROM pg_stat_activity;
    RETURN QUERY SELECT id, epoch, head FROM partitions WHERE owner = p_replica ORDER BY id;
END
$$;
COMMENT ON FUNCTION wilco_heartbeat IS 'Renews the lease of a replica and settles what it owns.';
