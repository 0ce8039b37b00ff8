--
-- PostgreSQL database dump
--


-- Dumped from database version 15.18 (Debian 15.18-0+deb12u1)
-- Dumped by pg_dump version 15.18 (Debian 15.18-0+deb12u1)

SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

--
-- Name: wilco_cancel(uuid, timestamp with time zone, text); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.wilco_cancel(p_id uuid, p_at timestamp with time zone, p_error text) RETURNS boolean
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


--
-- Name: FUNCTION wilco_cancel(p_id uuid, p_at timestamp with time zone, p_error text); Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON FUNCTION public.wilco_cancel(p_id uuid, p_at timestamp with time zone, p_error text) IS 'Cancels a command if it is open.';


--
-- Name: wilco_commit(uuid, smallint[], bigint[], integer[], integer[], integer[], text[], text[], bigint[], text[], text[], text[], text[], integer[], integer[], uuid[], smallint[], timestamp with time zone[], integer[], bigint[], text[], integer[], integer[], uuid[], smallint[], timestamp with time zone[], integer[], bigint[], text[], text[], text[], text[], text[], bigint[], timestamp with time zone[], text[], text[], text[], text[], bytea[], uuid[], uuid[], text[], text[], bigint[], text[], text[], boolean[], text[], text[], bigint[], text[]); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.wilco_commit(p_owner uuid, p_ids smallint[], p_epochs bigint[], p_entries integer[], e_slots integer[], e_indexes integer[], e_aggregate_types text[], e_aggregate_ids text[], e_sequences bigint[], e_event_types text[], e_event_versions text[], e_payloads text[], e_metadata text[], o_slots integer[], o_indexes integer[], o_ids uuid[], o_states smallint[], o_settled_at timestamp with time zone[], o_attempts integer[], o_versions bigint[], o_errors text[], n_slots integer[], n_indexes integer[], n_ids uuid[], n_states smallint[], n_settled_at timestamp with time zone[], n_attempts integer[], n_versions bigint[], n_errors text[], n_tenants text[], n_types text[], n_targets text[], n_data text[], n_expected_versions bigint[], n_accepted_at timestamp with time zone[], n_actors text[], n_callback_urls text[], n_metadata text[], n_keys text[], n_fingerprints bytea[], n_correlation_ids uuid[], n_caused_by uuid[], n_traceparents text[], v_ids text[], v_versions bigint[], v_payloads text[], v_statuses text[], v_gone boolean[], s_aggregate_types text[], s_aggregate_ids text[], s_versions bigint[], s_payloads text[]) RETURNS bigint[]
    LANGUAGE plpgsql
    SET enable_seqscan TO 'off'
    SET enable_hashjoin TO 'off'
    SET enable_mergejoin TO 'off'
    SET jit TO 'off'
    SET plan_cache_mode TO 'force_generic_plan'
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


--
-- Name: FUNCTION wilco_commit(p_owner uuid, p_ids smallint[], p_epochs bigint[], p_entries integer[], e_slots integer[], e_indexes integer[], e_aggregate_types text[], e_aggregate_ids text[], e_sequences bigint[], e_event_types text[], e_event_versions text[], e_payloads text[], e_metadata text[], o_slots integer[], o_indexes integer[], o_ids uuid[], o_states smallint[], o_settled_at timestamp with time zone[], o_attempts integer[], o_versions bigint[], o_errors text[], n_slots integer[], n_indexes integer[], n_ids uuid[], n_states smallint[], n_settled_at timestamp with time zone[], n_attempts integer[], n_versions bigint[], n_errors text[], n_tenants text[], n_types text[], n_targets text[], n_data text[], n_expected_versions bigint[], n_accepted_at timestamp with time zone[], n_actors text[], n_callback_urls text[], n_metadata text[], n_keys text[], n_fingerprints bytea[], n_correlation_ids uuid[], n_caused_by uuid[], n_traceparents text[], v_ids text[], v_versions bigint[], v_payloads text[], v_statuses text[], v_gone boolean[], s_aggregate_types text[], s_aggregate_ids text[], s_versions bigint[], s_payloads text[]); Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON FUNCTION public.wilco_commit(p_owner uuid, p_ids smallint[], p_epochs bigint[], p_entries integer[], e_slots integer[], e_indexes integer[], e_aggregate_types text[], e_aggregate_ids text[], e_sequences bigint[], e_event_types text[], e_event_versions text[], e_payloads text[], e_metadata text[], o_slots integer[], o_indexes integer[], o_ids uuid[], o_states smallint[], o_settled_at timestamp with time zone[], o_attempts integer[], o_versions bigint[], o_errors text[], n_slots integer[], n_indexes integer[], n_ids uuid[], n_states smallint[], n_settled_at timestamp with time zone[], n_attempts integer[], n_versions bigint[], n_errors text[], n_tenants text[], n_types text[], n_targets text[], n_data text[], n_expected_versions bigint[], n_accepted_at timestamp with time zone[], n_actors text[], n_callback_urls text[], n_metadata text[], n_keys text[], n_fingerprints bytea[], n_correlation_ids uuid[], n_caused_by uuid[], n_traceparents text[], v_ids text[], v_versions bigint[], v_payloads text[], v_statuses text[], v_gone boolean[], s_aggregate_types text[], s_aggregate_ids text[], s_versions bigint[], s_payloads text[]) IS 'Writes a unit of work, all or nothing.';


--
-- Name: wilco_heartbeat(uuid, interval); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.wilco_heartbeat(p_replica uuid, p_ttl interval) RETURNS TABLE(o_partition smallint, o_epoch bigint, o_head bigint)
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


--
-- Name: FUNCTION wilco_heartbeat(p_replica uuid, p_ttl interval); Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON FUNCTION public.wilco_heartbeat(p_replica uuid, p_ttl interval) IS 'Renews the lease of a replica and settles what it owns.';


SET default_tablespace = '';

SET default_table_access_method = heap;

--
-- Name: _sqlx_migrations; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public._sqlx_migrations (
    version bigint NOT NULL,
    description text NOT NULL,
    installed_on timestamp with time zone DEFAULT now() NOT NULL,
    success boolean NOT NULL,
    checksum bytea NOT NULL,
    execution_time bigint NOT NULL
);


--
-- Name: aggregate_snapshots; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.aggregate_snapshots (
    aggregate_type text NOT NULL COLLATE pg_catalog."C",
    aggregate_id text NOT NULL COLLATE pg_catalog."C",
    version bigint NOT NULL,
    payload text NOT NULL
)
WITH (fillfactor='80');


--
-- Name: TABLE aggregate_snapshots; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.aggregate_snapshots IS 'The newest snapshot of each aggregate that has one. A mere optimisation: may be emptied at any time.';


--
-- Name: COLUMN aggregate_snapshots.aggregate_type; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.aggregate_snapshots.aggregate_type IS 'pet';


--
-- Name: COLUMN aggregate_snapshots.aggregate_id; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.aggregate_snapshots.aggregate_id IS 'pet-42';


--
-- Name: COLUMN aggregate_snapshots.version; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.aggregate_snapshots.version IS 'The number of the last event in it.';


--
-- Name: COLUMN aggregate_snapshots.payload; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.aggregate_snapshots.payload IS 'The state as JSON.';


--
-- Name: checkpoints; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.checkpoints (
    reader text NOT NULL COLLATE pg_catalog."C",
    partition smallint NOT NULL,
    "offset" bigint NOT NULL,
    mark bigint,
    generation bigint DEFAULT 1 NOT NULL
)
WITH (fillfactor='20');


--
-- Name: TABLE checkpoints; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.checkpoints IS 'How far each durable reader of the feed has come.';


--
-- Name: COLUMN checkpoints.reader; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.checkpoints.reader IS 'Name of the reader.';


--
-- Name: COLUMN checkpoints.partition; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.checkpoints.partition IS 'The partition it reads.';


--
-- Name: COLUMN checkpoints."offset"; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.checkpoints."offset" IS 'Everything up to and including this offset is done.';


--
-- Name: COLUMN checkpoints.mark; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.checkpoints.mark IS 'The sequence number of the broker at that point, for readers that publish.';


--
-- Name: COLUMN checkpoints.generation; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.checkpoints.generation IS 'The generation of the store in which the reader came so far.';


--
-- Name: commands; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.commands (
    id uuid NOT NULL,
    accepted_at timestamp with time zone NOT NULL,
    not_before timestamp with time zone,
    expected_version bigint,
    partition smallint NOT NULL,
    status smallint DEFAULT 0 NOT NULL,
    attempts integer,
    "offset" bigint,
    settled_at timestamp with time zone,
    version bigint,
    correlation_id uuid,
    caused_by uuid,
    fingerprint bytea,
    tenant text NOT NULL COLLATE pg_catalog."C",
    command_type text NOT NULL COLLATE pg_catalog."C",
    target text NOT NULL COLLATE pg_catalog."C",
    data text NOT NULL,
    idempotency_key text COLLATE pg_catalog."C",
    actor text,
    callback_url text,
    metadata text,
    traceparent text,
    error text,
    CONSTRAINT a_command_has_an_offset_iff_it_is_settled CHECK (((status = 0) = ("offset" IS NULL)))
)
WITH (autovacuum_vacuum_scale_factor='0.1', autovacuum_vacuum_insert_scale_factor='0.2');
ALTER TABLE ONLY public.commands ALTER COLUMN id SET STATISTICS 10;
ALTER TABLE ONLY public.commands ALTER COLUMN accepted_at SET STATISTICS 10;
ALTER TABLE ONLY public.commands ALTER COLUMN not_before SET STATISTICS 10;
ALTER TABLE ONLY public.commands ALTER COLUMN expected_version SET STATISTICS 10;
ALTER TABLE ONLY public.commands ALTER COLUMN partition SET STATISTICS 10;
ALTER TABLE ONLY public.commands ALTER COLUMN status SET STATISTICS 10;
ALTER TABLE ONLY public.commands ALTER COLUMN attempts SET STATISTICS 10;
ALTER TABLE ONLY public.commands ALTER COLUMN "offset" SET STATISTICS 10;
ALTER TABLE ONLY public.commands ALTER COLUMN settled_at SET STATISTICS 10;
ALTER TABLE ONLY public.commands ALTER COLUMN version SET STATISTICS 10;
ALTER TABLE ONLY public.commands ALTER COLUMN correlation_id SET STATISTICS 10;
ALTER TABLE ONLY public.commands ALTER COLUMN caused_by SET STATISTICS 10;
ALTER TABLE ONLY public.commands ALTER COLUMN fingerprint SET STATISTICS 10;
ALTER TABLE ONLY public.commands ALTER COLUMN tenant SET STATISTICS 10;
ALTER TABLE ONLY public.commands ALTER COLUMN command_type SET STATISTICS 10;
ALTER TABLE ONLY public.commands ALTER COLUMN target SET STATISTICS 10;
ALTER TABLE ONLY public.commands ALTER COLUMN data SET STATISTICS 10;
ALTER TABLE ONLY public.commands ALTER COLUMN idempotency_key SET STATISTICS 10;
ALTER TABLE ONLY public.commands ALTER COLUMN actor SET STATISTICS 10;
ALTER TABLE ONLY public.commands ALTER COLUMN callback_url SET STATISTICS 10;
ALTER TABLE ONLY public.commands ALTER COLUMN metadata SET STATISTICS 10;
ALTER TABLE ONLY public.commands ALTER COLUMN traceparent SET STATISTICS 10;
ALTER TABLE ONLY public.commands ALTER COLUMN error SET STATISTICS 10;


--
-- Name: TABLE commands; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.commands IS 'The registry: everything that was ever asked for, and how it ended. One insert; one update, if it was not settled with that.';


--
-- Name: COLUMN commands.id; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.commands.id IS 'UUIDv7, unless the client chose one.';


--
-- Name: COLUMN commands.accepted_at; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.commands.accepted_at IS 'When it was accepted; with id, the order of acceptance.';


--
-- Name: COLUMN commands.not_before; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.commands.not_before IS 'Not to be applied earlier; null: at once.';


--
-- Name: COLUMN commands.expected_version; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.commands.expected_version IS 'The version the client expects the aggregate to have.';


--
-- Name: COLUMN commands.partition; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.commands.partition IS 'The partition of its target.';


--
-- Name: COLUMN commands.status; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.commands.status IS '0 open, 1 succeeded, 2 failed, 3 cancelled.';


--
-- Name: COLUMN commands.attempts; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.commands.attempts IS 'How often it was tried; null while open.';


--
-- Name: COLUMN commands."offset"; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.commands."offset" IS 'Its place in the feed of its partition; null while open.';


--
-- Name: COLUMN commands.settled_at; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.commands.settled_at IS 'When it was settled.';


--
-- Name: COLUMN commands.version; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.commands.version IS 'The version of the aggregate after it; null unless it succeeded.';


--
-- Name: COLUMN commands.correlation_id; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.commands.correlation_id IS 'Shared by everything one request set off; null: its own id.';


--
-- Name: COLUMN commands.caused_by; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.commands.caused_by IS 'The command that led to it.';


--
-- Name: COLUMN commands.fingerprint; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.commands.fingerprint IS 'Hash of the request, 16 bytes; null where none was taken.';


--
-- Name: COLUMN commands.tenant; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.commands.tenant IS 'Whose it is; empty while there are no API keys.';


--
-- Name: COLUMN commands.command_type; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.commands.command_type IS 'pet.reserve: aggregate type and verb.';


--
-- Name: COLUMN commands.target; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.commands.target IS 'The id of the aggregate.';


--
-- Name: COLUMN commands.data; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.commands.data IS 'The fields of the command as JSON, byte for byte (jsonb would reorder and round).';


--
-- Name: COLUMN commands.idempotency_key; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.commands.idempotency_key IS 'The key the client gave, unique per tenant; null: the id is the key.';


--
-- Name: COLUMN commands.actor; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.commands.actor IS 'Who asked for it.';


--
-- Name: COLUMN commands.callback_url; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.commands.callback_url IS 'Where to post the outcome.';


--
-- Name: COLUMN commands.metadata; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.commands.metadata IS 'The metadata of the client, a JSON object of strings.';


--
-- Name: COLUMN commands.traceparent; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.commands.traceparent IS 'W3C Trace Context of the request.';


--
-- Name: COLUMN commands.error; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.commands.error IS 'The problem as JSON; null unless it failed or was cancelled.';


--
-- Name: events; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.events (
    aggregate_type text NOT NULL COLLATE pg_catalog."C",
    aggregate_id text NOT NULL COLLATE pg_catalog."C",
    sequence bigint NOT NULL,
    event_type text NOT NULL,
    event_version text NOT NULL,
    payload json NOT NULL,
    metadata json NOT NULL,
    partition smallint,
    "offset" bigint,
    CONSTRAINT events_sequence_check CHECK ((sequence >= 0))
);
ALTER TABLE ONLY public.events ALTER COLUMN aggregate_type SET STATISTICS 10;
ALTER TABLE ONLY public.events ALTER COLUMN aggregate_id SET STATISTICS 10;
ALTER TABLE ONLY public.events ALTER COLUMN sequence SET STATISTICS 10;
ALTER TABLE ONLY public.events ALTER COLUMN event_type SET STATISTICS 10;
ALTER TABLE ONLY public.events ALTER COLUMN event_version SET STATISTICS 10;
ALTER TABLE ONLY public.events ALTER COLUMN payload SET STATISTICS 10;
ALTER TABLE ONLY public.events ALTER COLUMN metadata SET STATISTICS 10;
ALTER TABLE ONLY public.events ALTER COLUMN partition SET STATISTICS 10;
ALTER TABLE ONLY public.events ALTER COLUMN "offset" SET STATISTICS 10;


--
-- Name: TABLE events; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.events IS 'The journal: what happened, for good. Shared with postgres-es.';


--
-- Name: COLUMN events.aggregate_type; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.events.aggregate_type IS 'pet';


--
-- Name: COLUMN events.aggregate_id; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.events.aggregate_id IS 'pet-42';


--
-- Name: COLUMN events.sequence; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.events.sequence IS '1, 2, 3 ... within the aggregate.';


--
-- Name: COLUMN events.event_type; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.events.event_type IS 'pet.reserved';


--
-- Name: COLUMN events.event_version; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.events.event_version IS 'The version of the layout of the payload.';


--
-- Name: COLUMN events.payload; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.events.payload IS 'The event.';


--
-- Name: COLUMN events.metadata; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.events.metadata IS 'A JSON object of strings: command_id, correlation_id, at and more.';


--
-- Name: COLUMN events.partition; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.events.partition IS 'The partition of the aggregate; null: written by postgres-es and not adopted yet.';


--
-- Name: COLUMN events."offset"; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.events."offset" IS 'Its place in the feed of its partition; null: not adopted yet.';


--
-- Name: parked_entries; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.parked_entries (
    reader text NOT NULL COLLATE pg_catalog."C",
    partition smallint NOT NULL,
    "offset" bigint NOT NULL,
    generation bigint NOT NULL,
    parked_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    reason text NOT NULL
);


--
-- Name: TABLE parked_entries; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.parked_entries IS 'Entries of the feed that a durable reader could not tell and has passed over, for somebody to look at.';


--
-- Name: COLUMN parked_entries.reader; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.parked_entries.reader IS 'Name of the reader.';


--
-- Name: COLUMN parked_entries.partition; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.parked_entries.partition IS 'The partition of the entry.';


--
-- Name: COLUMN parked_entries."offset"; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.parked_entries."offset" IS 'Its offset there.';


--
-- Name: COLUMN parked_entries.generation; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.parked_entries.generation IS 'The generation of the store that the offset belongs to.';


--
-- Name: COLUMN parked_entries.parked_at; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.parked_entries.parked_at IS 'When it was passed over.';


--
-- Name: COLUMN parked_entries.reason; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.parked_entries.reason IS 'Why it cannot be told.';


--
-- Name: partitions; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.partitions (
    id smallint NOT NULL,
    owner uuid,
    epoch bigint DEFAULT 0 NOT NULL,
    head bigint DEFAULT 0 NOT NULL,
    CONSTRAINT a_head_counts_up_from_zero CHECK ((head >= 0)),
    CONSTRAINT a_partition_is_numbered_from_zero CHECK ((id >= 0))
)
WITH (fillfactor='10', autovacuum_vacuum_threshold='1000', autovacuum_vacuum_scale_factor='0');


--
-- Name: TABLE partitions; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.partitions IS 'Aggregates hash onto these rows; each is lease, fence and sequence at once. Every commit updates the rows it touches, so they are narrow and their pages mostly empty (the updates stay on the page).';


--
-- Name: COLUMN partitions.id; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.partitions.id IS 'Number of the partition, 0 to count - 1; the rows are made when the store is, and stay.';


--
-- Name: COLUMN partitions.owner; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.partitions.owner IS 'The replica that may commit to it; null: none.';


--
-- Name: COLUMN partitions.epoch; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.partitions.epoch IS 'Rises with each change of owner; a commit names the epoch it believes in.';


--
-- Name: COLUMN partitions.head; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.partitions.head IS 'Offset of the newest entry of its feed; 0: none yet.';


--
-- Name: replicas; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.replicas (
    id uuid NOT NULL,
    lease_until timestamp with time zone NOT NULL
)
WITH (fillfactor='10');


--
-- Name: TABLE replicas; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.replicas IS 'The processes that share the store. A heartbeat renews one row here and leaves the busy partition rows alone.';


--
-- Name: COLUMN replicas.id; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.replicas.id IS 'The replica, as in partitions.owner.';


--
-- Name: COLUMN replicas.lease_until; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.replicas.lease_until IS 'What it owns is free from then on, by the clock of the database.';


--
-- Name: store_identity; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.store_identity (
    only_row boolean DEFAULT true NOT NULL,
    id uuid NOT NULL,
    generation bigint NOT NULL,
    CONSTRAINT there_is_one_row CHECK (only_row)
);


--
-- Name: TABLE store_identity; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.store_identity IS 'One row: which store this is, so that two do not share a stream unawares.';


--
-- Name: COLUMN store_identity.only_row; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.store_identity.only_row IS 'Always true: there is one row.';


--
-- Name: COLUMN store_identity.id; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.store_identity.id IS 'Made with the store; a copy and a restored backup keep it.';


--
-- Name: COLUMN store_identity.generation; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.store_identity.generation IS 'Which life of the store this is: milliseconds since 1970 of when it was made, or was restored to an earlier state (from then on its offsets name other entries than before). 1 where the store is older than this column.';


--
-- Name: views; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.views (
    view_id text NOT NULL COLLATE pg_catalog."C",
    version bigint NOT NULL,
    payload json NOT NULL,
    status text NOT NULL COLLATE pg_catalog."C",
    gone boolean DEFAULT false NOT NULL,
    CONSTRAINT a_view_has_a_version CHECK ((version >= 0))
)
WITH (fillfactor='80');
ALTER TABLE ONLY public.views ALTER COLUMN view_id SET STATISTICS 10;
ALTER TABLE ONLY public.views ALTER COLUMN version SET STATISTICS 10;
ALTER TABLE ONLY public.views ALTER COLUMN payload SET STATISTICS 10;
ALTER TABLE ONLY public.views ALTER COLUMN status SET STATISTICS 10;
ALTER TABLE ONLY public.views ALTER COLUMN gone SET STATISTICS 10;


--
-- Name: TABLE views; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.views IS 'The landing view of each aggregate, written with its events. Readable by a postgres-es view repository.';


--
-- Name: COLUMN views.view_id; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.views.view_id IS 'pet/pet-42';


--
-- Name: COLUMN views.version; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.views.version IS 'The number of the last event in it.';


--
-- Name: COLUMN views.payload; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.views.payload IS 'What the resource answers.';


--
-- Name: COLUMN views.status; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.views.status IS 'What lists are filtered by.';


--
-- Name: COLUMN views.gone; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON COLUMN public.views.gone IS 'Whether the resource exists no more; lists leave it out.';


--
-- Data for Name: _sqlx_migrations; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public._sqlx_migrations VALUES (1, 'store', '2026-11-28 16:36:13.067577+00', true, '\xd4c04d5e5a7169431f122f18925624b8f4757e2a43b8b00e999c914aef28d738b09962509ef366ab1d042944ef561193', 178220597);
INSERT INTO public._sqlx_migrations VALUES (2, 'identity', '2026-11-28 16:36:13.253646+00', true, '\xd37c55ced2a427fb2dac0c45b16e1cfb0f2190ab58c572b1b51481231216a6a67c6c40e35cb9f3b6e452d9dd09cc7e70', 28156016);


--
-- Data for Name: aggregate_snapshots; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.aggregate_snapshots VALUES ('pet', 'busy', 20, '{"status":"reserved","reserved_for":"order-9"}');


--
-- Data for Name: checkpoints; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: commands; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.commands VALUES ('01a22303-b902-7760-a3ed-ea46b3de49c4', '2026-11-28 16:36:16.258708+00', NULL, NULL, 0, 1, 1, 2, '2026-11-28 16:36:16.26448+00', 1, NULL, NULL, '\x35431e79e366f965dfb97d79fbcc01ff', '', 'pet.create', 'available', '{"category":"dog","name":"Available","photo_urls":[],"tags":["t"]}', 'create 0b4cf28e108e7b8dd1916330aacd73c7', NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.commands VALUES ('01a22303-b917-7365-ada1-0721d9a0d68c', '2026-11-28 16:36:16.279831+00', NULL, NULL, 6, 1, 1, 2, '2026-11-28 16:36:16.282259+00', 1, NULL, NULL, '\x9973ebfdfb64077be5a9d2cd1aac57c3', '', 'pet.create', 'reserved', '{"category":"dog","name":"Reserved","photo_urls":[],"tags":["t"]}', 'create 80fecf9416f10c586bea18ed511e34b4', NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.commands VALUES ('01a22303-b921-7241-9150-fbe28b1c9e87', '2026-11-28 16:36:16.289876+00', NULL, NULL, 2, 1, 1, 2, '2026-11-28 16:36:16.293079+00', 1, NULL, NULL, '\xad6fefeb73fa8da5b53ab8cae2280841', '', 'pet.create', 'sold', '{"category":"dog","name":"Sold","photo_urls":[],"tags":["t"]}', 'create 8375fae9cde368457a80dac9d5db8c63', NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.commands VALUES ('01a22303-b929-70c8-97e3-dcd1eaae2876', '2026-11-28 16:36:16.297608+00', NULL, NULL, 1, 1, 1, 2, '2026-11-28 16:36:16.298304+00', 1, NULL, NULL, '\x88dd3a6d95984c7e4ce3e0a306074b56', '', 'pet.create', 'deleted', '{"category":"dog","name":"Deleted","photo_urls":[],"tags":["t"]}', 'create 46448f5d35a14bf1959d801185de352f', NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.commands VALUES ('01a22303-b92f-7118-a883-9d78bac38751', '2026-11-28 16:36:16.303229+00', NULL, NULL, 0, 1, 1, 4, '2026-11-28 16:36:16.303684+00', 1, NULL, NULL, '\x1abfce1ff942440f96968bee8b86d5c2', '', 'pet.create', 'busy', '{"category":"dog","name":"Busy","photo_urls":[],"tags":["t"]}', 'create e680dc27fc24774e4b725ad5cda9cdab', NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.commands VALUES ('01a22303-b932-7686-a06a-0a6d2baa0d35', '2026-11-28 16:36:16.306812+00', NULL, NULL, 4, 1, 1, 2, '2026-11-28 16:36:16.307355+00', 1, NULL, NULL, '\x946a95ee3c5177f88f42db281cb9529a', '', 'pet.create', 'scheduled', '{"category":"dog","name":"Scheduled","photo_urls":[],"tags":["t"]}', 'create 8c7ce9c45d556d1327cc653cf76d89d6', NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.commands VALUES ('01a22303-b93b-7357-9b67-86f12168a2bf', '2026-11-28 16:36:16.315502+00', NULL, NULL, 6, 1, 1, 4, '2026-11-28 16:36:16.31552+00', 2, NULL, NULL, NULL, '', 'pet.reserve', 'reserved', '{"order_id":"order-1"}', NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.commands VALUES ('01a22303-b93f-712a-b774-3e0e6d6d9461', '2026-11-28 16:36:16.319096+00', NULL, NULL, 2, 1, 1, 4, '2026-11-28 16:36:16.319111+00', 2, NULL, NULL, NULL, '', 'pet.sell', 'sold', '{}', NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.commands VALUES ('01a22303-b94b-76a8-a1d4-4fd09fe8177e', '2026-11-28 16:36:16.331648+00', NULL, NULL, 1, 1, 1, 4, '2026-11-28 16:36:16.349819+00', 2, NULL, NULL, NULL, '', 'pet.delete', 'deleted', '{}', NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.commands VALUES ('01a22303-b967-7107-b1ae-282b2b46d593', '2026-11-28 16:36:16.35943+00', NULL, NULL, 0, 1, 1, 6, '2026-11-28 16:36:16.35945+00', 2, NULL, NULL, NULL, '', 'pet.reserve', 'busy', '{"order_id":"order-0"}', NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.commands VALUES ('01a22303-b96f-7796-b540-2041a7c73fff', '2026-11-28 16:36:16.367478+00', NULL, NULL, 0, 1, 1, 8, '2026-11-28 16:36:16.367498+00', 3, NULL, NULL, NULL, '', 'pet.release', 'busy', '{"order_id":"order-0"}', NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.commands VALUES ('01a22303-b979-7515-b96f-cd332c28290e', '2026-11-28 16:36:16.37772+00', NULL, NULL, 0, 1, 1, 10, '2026-11-28 16:36:16.377737+00', 4, NULL, NULL, NULL, '', 'pet.reserve', 'busy', '{"order_id":"order-1"}', NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.commands VALUES ('01a22303-b982-77cf-af04-d5b67c6a34c6', '2026-11-28 16:36:16.386354+00', NULL, NULL, 0, 1, 1, 12, '2026-11-28 16:36:16.386371+00', 5, NULL, NULL, NULL, '', 'pet.release', 'busy', '{"order_id":"order-1"}', NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.commands VALUES ('01a22303-b98c-737c-bdf8-ea4cab05cadf', '2026-11-28 16:36:16.39645+00', NULL, NULL, 0, 1, 1, 14, '2026-11-28 16:36:16.396468+00', 6, NULL, NULL, NULL, '', 'pet.reserve', 'busy', '{"order_id":"order-2"}', NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.commands VALUES ('01a22303-b993-77e3-a460-a452b91e1cfb', '2026-11-28 16:36:16.403314+00', NULL, NULL, 0, 1, 1, 16, '2026-11-28 16:36:16.403329+00', 7, NULL, NULL, NULL, '', 'pet.release', 'busy', '{"order_id":"order-2"}', NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.commands VALUES ('01a22303-b996-72a8-bf5d-fd543e023662', '2026-11-28 16:36:16.406872+00', NULL, NULL, 0, 1, 1, 18, '2026-11-28 16:36:16.406886+00', 8, NULL, NULL, NULL, '', 'pet.reserve', 'busy', '{"order_id":"order-3"}', NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.commands VALUES ('01a22303-b99f-7623-b1d4-276efca5cca2', '2026-11-28 16:36:16.415763+00', NULL, NULL, 0, 1, 1, 20, '2026-11-28 16:36:16.415782+00', 9, NULL, NULL, NULL, '', 'pet.release', 'busy', '{"order_id":"order-3"}', NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.commands VALUES ('01a22303-b9a7-709c-b6e2-24afc3117f52', '2026-11-28 16:36:16.423538+00', NULL, NULL, 0, 1, 1, 22, '2026-11-28 16:36:16.423558+00', 10, NULL, NULL, NULL, '', 'pet.reserve', 'busy', '{"order_id":"order-4"}', NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.commands VALUES ('01a22303-b9af-7103-98f5-74d7e88431ba', '2026-11-28 16:36:16.431389+00', NULL, NULL, 0, 1, 1, 24, '2026-11-28 16:36:16.431407+00', 11, NULL, NULL, NULL, '', 'pet.release', 'busy', '{"order_id":"order-4"}', NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.commands VALUES ('01a22303-b9bb-7365-a248-cf6de33c9a62', '2026-11-28 16:36:16.443849+00', NULL, NULL, 0, 1, 1, 26, '2026-11-28 16:36:16.443866+00', 12, NULL, NULL, NULL, '', 'pet.reserve', 'busy', '{"order_id":"order-5"}', NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.commands VALUES ('01a22303-b9be-766a-b89c-c582937c55fb', '2026-11-28 16:36:16.446857+00', NULL, NULL, 0, 1, 1, 28, '2026-11-28 16:36:16.446871+00', 13, NULL, NULL, NULL, '', 'pet.release', 'busy', '{"order_id":"order-5"}', NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.commands VALUES ('01a22303-b9cb-7701-834e-444f63fc0504', '2026-11-28 16:36:16.459298+00', NULL, NULL, 0, 1, 1, 30, '2026-11-28 16:36:16.459316+00', 14, NULL, NULL, NULL, '', 'pet.reserve', 'busy', '{"order_id":"order-6"}', NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.commands VALUES ('01a22303-b9db-7355-b51d-cfc35fd01874', '2026-11-28 16:36:16.475273+00', NULL, NULL, 0, 1, 1, 32, '2026-11-28 16:36:16.47529+00', 15, NULL, NULL, NULL, '', 'pet.release', 'busy', '{"order_id":"order-6"}', NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.commands VALUES ('01a22303-b9de-76fb-a910-3b35988cbf70', '2026-11-28 16:36:16.478421+00', NULL, NULL, 0, 1, 1, 34, '2026-11-28 16:36:16.478431+00', 16, NULL, NULL, NULL, '', 'pet.reserve', 'busy', '{"order_id":"order-7"}', NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.commands VALUES ('01a22303-b9eb-7085-8c74-1f0e1d420305', '2026-11-28 16:36:16.491252+00', NULL, NULL, 0, 1, 1, 36, '2026-11-28 16:36:16.49127+00', 17, NULL, NULL, NULL, '', 'pet.release', 'busy', '{"order_id":"order-7"}', NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.commands VALUES ('01a22303-b9f1-748c-9866-ad99465c8ee0', '2026-11-28 16:36:16.497899+00', NULL, NULL, 0, 1, 1, 38, '2026-11-28 16:36:16.497915+00', 18, NULL, NULL, NULL, '', 'pet.reserve', 'busy', '{"order_id":"order-8"}', NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.commands VALUES ('01a22303-b9fb-74df-8cdf-eefe8689a4f6', '2026-11-28 16:36:16.507365+00', NULL, NULL, 0, 1, 1, 40, '2026-11-28 16:36:16.50738+00', 19, NULL, NULL, NULL, '', 'pet.release', 'busy', '{"order_id":"order-8"}', NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.commands VALUES ('01a22303-ba07-7748-b02b-a5490d63908c', '2026-11-28 16:36:16.519269+00', NULL, NULL, 0, 1, 1, 42, '2026-11-28 16:36:16.519285+00', 20, NULL, NULL, NULL, '', 'pet.reserve', 'busy', '{"order_id":"order-9"}', NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.commands VALUES ('01a22303-ba0f-73c4-a64d-5f723ac89352', '2026-11-28 16:36:16.527348+00', NULL, NULL, 0, 1, 1, 44, '2026-11-28 16:36:16.527363+00', 21, NULL, NULL, NULL, '', 'pet.release', 'busy', '{"order_id":"order-9"}', NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.commands VALUES ('01a22303-ba17-7175-91c5-3834fc9c952c', '2026-11-28 16:36:16.535533+00', NULL, NULL, 0, 1, 1, 46, '2026-11-28 16:36:16.535554+00', 22, NULL, NULL, NULL, '', 'pet.reserve', 'busy', '{"order_id":"order-10"}', NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.commands VALUES ('01a22303-ba1f-71a4-879c-e310d804bdae', '2026-11-28 16:36:16.543351+00', NULL, NULL, 0, 1, 1, 48, '2026-11-28 16:36:16.543368+00', 23, NULL, NULL, NULL, '', 'pet.release', 'busy', '{"order_id":"order-10"}', NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.commands VALUES ('01a22303-ba23-7791-bcfc-c517bbc99971', '2026-11-28 16:36:16.54752+00', NULL, NULL, 0, 1, 1, 50, '2026-11-28 16:36:16.547537+00', 24, NULL, NULL, NULL, '', 'pet.reserve', 'busy', '{"order_id":"order-11"}', NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.commands VALUES ('01a22303-ba2c-7075-998b-bda82e6cd05a', '2026-11-28 16:36:16.556344+00', NULL, NULL, 0, 1, 1, 52, '2026-11-28 16:36:16.556364+00', 25, NULL, NULL, NULL, '', 'pet.release', 'busy', '{"order_id":"order-11"}', NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.commands VALUES ('01a22303-ba37-7520-b08b-b1e4766da410', '2026-11-28 16:36:16.567765+00', NULL, NULL, 0, 1, 1, 54, '2026-11-28 16:36:16.567794+00', 26, NULL, NULL, NULL, '', 'pet.reserve', 'busy', '{"order_id":"last"}', NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.commands VALUES ('01a22303-ba3c-7040-ade9-0d04a1f0da8b', '2026-11-28 16:36:16.572649+00', NULL, NULL, 0, 2, 1, 55, '2026-11-28 16:36:16.572673+00', NULL, NULL, NULL, NULL, '', 'pet.reserve', 'busy', '{"order_id":"other"}', NULL, NULL, NULL, NULL, NULL, '{"type":"/problems/pet-reserved","title":"Pet reserved","status":409,"detail":"the pet is reserved for order last","instance":"/v1/commands/01a22303-ba3c-7040-ade9-0d04a1f0da8b"}');
INSERT INTO public.commands VALUES ('01a22303-ba41-7685-92af-9521f72b63a6', '2026-11-28 16:36:16.577852+00', NULL, NULL, 7, 1, 1, 2, '2026-11-28 16:36:16.578489+00', 1, NULL, NULL, '\x4c003dea4ccf77fbc676c1e07528404c', '', 'car.create', 'beetle', '{"colour":"red","make":"Volkswagen","model":"Beetle","vin":"1HGBH41JXMN109186"}', 'create 24b6a0dd51921e02e9743adac6e717c7', NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.commands VALUES ('01a22303-ba48-77c9-98ca-4000507e6785', '2026-11-28 16:36:16.584596+00', NULL, NULL, 7, 1, 1, 4, '2026-11-28 16:36:16.584657+00', 2, NULL, NULL, NULL, '', 'car.repaint', 'beetle', '{"colour":"blue"}', NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.commands VALUES ('01a22303-ba4c-76cf-bb23-030afc55f638', '2026-11-28 16:36:16.588918+00', NULL, NULL, 5, 1, 1, 2, '2026-11-28 16:36:16.589594+00', 1, NULL, NULL, '\x78f50cfc69ffc4f3a68083ae00f15dbb', '', 'car.create', 'retired', '{"colour":"grey","make":"Trabant","model":"601","vin":"1M8GDM9AXKP042788"}', 'create b860aa79fbd751e19e3251d4f55df495', NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.commands VALUES ('01a22303-ba56-758c-acfd-9dd7b1606e9c', '2026-11-28 16:36:16.59851+00', NULL, NULL, 5, 1, 1, 4, '2026-11-28 16:36:16.598534+00', 2, NULL, NULL, NULL, '', 'car.retire', 'retired', '{}', NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.commands VALUES ('01a22303-ba5f-70d0-be6a-892367765af9', '2026-11-28 16:36:16.608033+00', '2027-11-20 00:00:00+00', NULL, 4, 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '', 'pet.reserve', 'scheduled', '{"order_id":"later"}', NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.commands VALUES ('01a22303-ba70-703b-9937-b9001de4e4b3', '2026-11-28 16:36:16.624944+00', '2027-11-20 00:00:00+00', NULL, 0, 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '', 'pet.sell', 'available', '{}', NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.commands VALUES ('01a22303-ba74-70ea-89cf-6bac8027f802', '2026-11-28 16:36:16.628663+00', '2027-11-20 00:00:00+00', NULL, 7, 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '', 'car.repaint', 'beetle', '{"colour":"green"}', NULL, NULL, NULL, NULL, NULL, NULL);


--
-- Data for Name: events; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.events VALUES ('pet', 'available', 1, 'pet.created', '1.0', '{"type":"created","name":"Available","category":"dog","tags":["t"],"photo_urls":[]}', '{"at":"2026-11-28T16:36:16.264480Z","command_id":"01a22303-b902-7760-a3ed-ea46b3de49c4","correlation_id":"01a22303-b902-7760-a3ed-ea46b3de49c4"}', 0, 1);
INSERT INTO public.events VALUES ('pet', 'reserved', 1, 'pet.created', '1.0', '{"type":"created","name":"Reserved","category":"dog","tags":["t"],"photo_urls":[]}', '{"command_id":"01a22303-b917-7365-ada1-0721d9a0d68c","at":"2026-11-28T16:36:16.282259Z","correlation_id":"01a22303-b917-7365-ada1-0721d9a0d68c"}', 6, 1);
INSERT INTO public.events VALUES ('pet', 'sold', 1, 'pet.created', '1.0', '{"type":"created","name":"Sold","category":"dog","tags":["t"],"photo_urls":[]}', '{"at":"2026-11-28T16:36:16.293079Z","command_id":"01a22303-b921-7241-9150-fbe28b1c9e87","correlation_id":"01a22303-b921-7241-9150-fbe28b1c9e87"}', 2, 1);
INSERT INTO public.events VALUES ('pet', 'deleted', 1, 'pet.created', '1.0', '{"type":"created","name":"Deleted","category":"dog","tags":["t"],"photo_urls":[]}', '{"command_id":"01a22303-b929-70c8-97e3-dcd1eaae2876","at":"2026-11-28T16:36:16.298304Z","correlation_id":"01a22303-b929-70c8-97e3-dcd1eaae2876"}', 1, 1);
INSERT INTO public.events VALUES ('pet', 'busy', 1, 'pet.created', '1.0', '{"type":"created","name":"Busy","category":"dog","tags":["t"],"photo_urls":[]}', '{"correlation_id":"01a22303-b92f-7118-a883-9d78bac38751","command_id":"01a22303-b92f-7118-a883-9d78bac38751","at":"2026-11-28T16:36:16.303684Z"}', 0, 3);
INSERT INTO public.events VALUES ('pet', 'scheduled', 1, 'pet.created', '1.0', '{"type":"created","name":"Scheduled","category":"dog","tags":["t"],"photo_urls":[]}', '{"command_id":"01a22303-b932-7686-a06a-0a6d2baa0d35","correlation_id":"01a22303-b932-7686-a06a-0a6d2baa0d35","at":"2026-11-28T16:36:16.307355Z"}', 4, 1);
INSERT INTO public.events VALUES ('pet', 'reserved', 2, 'pet.reserved', '1.0', '{"type":"reserved","order_id":"order-1"}', '{"command_id":"01a22303-b93b-7357-9b67-86f12168a2bf","correlation_id":"01a22303-b93b-7357-9b67-86f12168a2bf","at":"2026-11-28T16:36:16.315520Z"}', 6, 3);
INSERT INTO public.events VALUES ('pet', 'sold', 2, 'pet.sold', '1.0', '{"type":"sold"}', '{"command_id":"01a22303-b93f-712a-b774-3e0e6d6d9461","correlation_id":"01a22303-b93f-712a-b774-3e0e6d6d9461","at":"2026-11-28T16:36:16.319111Z"}', 2, 3);
INSERT INTO public.events VALUES ('pet', 'deleted', 2, 'pet.deleted', '1.0', '{"type":"deleted"}', '{"correlation_id":"01a22303-b94b-76a8-a1d4-4fd09fe8177e","command_id":"01a22303-b94b-76a8-a1d4-4fd09fe8177e","at":"2026-11-28T16:36:16.349819Z"}', 1, 3);
INSERT INTO public.events VALUES ('pet', 'busy', 2, 'pet.reserved', '1.0', '{"type":"reserved","order_id":"order-0"}', '{"command_id":"01a22303-b967-7107-b1ae-282b2b46d593","at":"2026-11-28T16:36:16.359450Z","correlation_id":"01a22303-b967-7107-b1ae-282b2b46d593"}', 0, 5);
INSERT INTO public.events VALUES ('pet', 'busy', 3, 'pet.released', '1.0', '{"type":"released","order_id":"order-0"}', '{"command_id":"01a22303-b96f-7796-b540-2041a7c73fff","at":"2026-11-28T16:36:16.367498Z","correlation_id":"01a22303-b96f-7796-b540-2041a7c73fff"}', 0, 7);
INSERT INTO public.events VALUES ('pet', 'busy', 4, 'pet.reserved', '1.0', '{"type":"reserved","order_id":"order-1"}', '{"correlation_id":"01a22303-b979-7515-b96f-cd332c28290e","at":"2026-11-28T16:36:16.377737Z","command_id":"01a22303-b979-7515-b96f-cd332c28290e"}', 0, 9);
INSERT INTO public.events VALUES ('pet', 'busy', 5, 'pet.released', '1.0', '{"type":"released","order_id":"order-1"}', '{"command_id":"01a22303-b982-77cf-af04-d5b67c6a34c6","correlation_id":"01a22303-b982-77cf-af04-d5b67c6a34c6","at":"2026-11-28T16:36:16.386371Z"}', 0, 11);
INSERT INTO public.events VALUES ('pet', 'busy', 6, 'pet.reserved', '1.0', '{"type":"reserved","order_id":"order-2"}', '{"correlation_id":"01a22303-b98c-737c-bdf8-ea4cab05cadf","at":"2026-11-28T16:36:16.396468Z","command_id":"01a22303-b98c-737c-bdf8-ea4cab05cadf"}', 0, 13);
INSERT INTO public.events VALUES ('pet', 'busy', 7, 'pet.released', '1.0', '{"type":"released","order_id":"order-2"}', '{"at":"2026-11-28T16:36:16.403329Z","command_id":"01a22303-b993-77e3-a460-a452b91e1cfb","correlation_id":"01a22303-b993-77e3-a460-a452b91e1cfb"}', 0, 15);
INSERT INTO public.events VALUES ('pet', 'busy', 8, 'pet.reserved', '1.0', '{"type":"reserved","order_id":"order-3"}', '{"command_id":"01a22303-b996-72a8-bf5d-fd543e023662","at":"2026-11-28T16:36:16.406886Z","correlation_id":"01a22303-b996-72a8-bf5d-fd543e023662"}', 0, 17);
INSERT INTO public.events VALUES ('pet', 'busy', 9, 'pet.released', '1.0', '{"type":"released","order_id":"order-3"}', '{"at":"2026-11-28T16:36:16.415782Z","correlation_id":"01a22303-b99f-7623-b1d4-276efca5cca2","command_id":"01a22303-b99f-7623-b1d4-276efca5cca2"}', 0, 19);
INSERT INTO public.events VALUES ('pet', 'busy', 10, 'pet.reserved', '1.0', '{"type":"reserved","order_id":"order-4"}', '{"command_id":"01a22303-b9a7-709c-b6e2-24afc3117f52","at":"2026-11-28T16:36:16.423558Z","correlation_id":"01a22303-b9a7-709c-b6e2-24afc3117f52"}', 0, 21);
INSERT INTO public.events VALUES ('pet', 'busy', 11, 'pet.released', '1.0', '{"type":"released","order_id":"order-4"}', '{"correlation_id":"01a22303-b9af-7103-98f5-74d7e88431ba","at":"2026-11-28T16:36:16.431407Z","command_id":"01a22303-b9af-7103-98f5-74d7e88431ba"}', 0, 23);
INSERT INTO public.events VALUES ('pet', 'busy', 12, 'pet.reserved', '1.0', '{"type":"reserved","order_id":"order-5"}', '{"command_id":"01a22303-b9bb-7365-a248-cf6de33c9a62","correlation_id":"01a22303-b9bb-7365-a248-cf6de33c9a62","at":"2026-11-28T16:36:16.443866Z"}', 0, 25);
INSERT INTO public.events VALUES ('pet', 'busy', 13, 'pet.released', '1.0', '{"type":"released","order_id":"order-5"}', '{"correlation_id":"01a22303-b9be-766a-b89c-c582937c55fb","command_id":"01a22303-b9be-766a-b89c-c582937c55fb","at":"2026-11-28T16:36:16.446871Z"}', 0, 27);
INSERT INTO public.events VALUES ('pet', 'busy', 14, 'pet.reserved', '1.0', '{"type":"reserved","order_id":"order-6"}', '{"correlation_id":"01a22303-b9cb-7701-834e-444f63fc0504","at":"2026-11-28T16:36:16.459316Z","command_id":"01a22303-b9cb-7701-834e-444f63fc0504"}', 0, 29);
INSERT INTO public.events VALUES ('pet', 'busy', 15, 'pet.released', '1.0', '{"type":"released","order_id":"order-6"}', '{"at":"2026-11-28T16:36:16.475290Z","command_id":"01a22303-b9db-7355-b51d-cfc35fd01874","correlation_id":"01a22303-b9db-7355-b51d-cfc35fd01874"}', 0, 31);
INSERT INTO public.events VALUES ('pet', 'busy', 16, 'pet.reserved', '1.0', '{"type":"reserved","order_id":"order-7"}', '{"at":"2026-11-28T16:36:16.478431Z","correlation_id":"01a22303-b9de-76fb-a910-3b35988cbf70","command_id":"01a22303-b9de-76fb-a910-3b35988cbf70"}', 0, 33);
INSERT INTO public.events VALUES ('pet', 'busy', 17, 'pet.released', '1.0', '{"type":"released","order_id":"order-7"}', '{"correlation_id":"01a22303-b9eb-7085-8c74-1f0e1d420305","command_id":"01a22303-b9eb-7085-8c74-1f0e1d420305","at":"2026-11-28T16:36:16.491270Z"}', 0, 35);
INSERT INTO public.events VALUES ('pet', 'busy', 18, 'pet.reserved', '1.0', '{"type":"reserved","order_id":"order-8"}', '{"correlation_id":"01a22303-b9f1-748c-9866-ad99465c8ee0","command_id":"01a22303-b9f1-748c-9866-ad99465c8ee0","at":"2026-11-28T16:36:16.497915Z"}', 0, 37);
INSERT INTO public.events VALUES ('pet', 'busy', 19, 'pet.released', '1.0', '{"type":"released","order_id":"order-8"}', '{"command_id":"01a22303-b9fb-74df-8cdf-eefe8689a4f6","at":"2026-11-28T16:36:16.507380Z","correlation_id":"01a22303-b9fb-74df-8cdf-eefe8689a4f6"}', 0, 39);
INSERT INTO public.events VALUES ('pet', 'busy', 20, 'pet.reserved', '1.0', '{"type":"reserved","order_id":"order-9"}', '{"command_id":"01a22303-ba07-7748-b02b-a5490d63908c","at":"2026-11-28T16:36:16.519285Z","correlation_id":"01a22303-ba07-7748-b02b-a5490d63908c"}', 0, 41);
INSERT INTO public.events VALUES ('pet', 'busy', 21, 'pet.released', '1.0', '{"type":"released","order_id":"order-9"}', '{"at":"2026-11-28T16:36:16.527363Z","correlation_id":"01a22303-ba0f-73c4-a64d-5f723ac89352","command_id":"01a22303-ba0f-73c4-a64d-5f723ac89352"}', 0, 43);
INSERT INTO public.events VALUES ('pet', 'busy', 22, 'pet.reserved', '1.0', '{"type":"reserved","order_id":"order-10"}', '{"at":"2026-11-28T16:36:16.535554Z","correlation_id":"01a22303-ba17-7175-91c5-3834fc9c952c","command_id":"01a22303-ba17-7175-91c5-3834fc9c952c"}', 0, 45);
INSERT INTO public.events VALUES ('pet', 'busy', 23, 'pet.released', '1.0', '{"type":"released","order_id":"order-10"}', '{"command_id":"01a22303-ba1f-71a4-879c-e310d804bdae","at":"2026-11-28T16:36:16.543368Z","correlation_id":"01a22303-ba1f-71a4-879c-e310d804bdae"}', 0, 47);
INSERT INTO public.events VALUES ('pet', 'busy', 24, 'pet.reserved', '1.0', '{"type":"reserved","order_id":"order-11"}', '{"command_id":"01a22303-ba23-7791-bcfc-c517bbc99971","correlation_id":"01a22303-ba23-7791-bcfc-c517bbc99971","at":"2026-11-28T16:36:16.547537Z"}', 0, 49);
INSERT INTO public.events VALUES ('pet', 'busy', 25, 'pet.released', '1.0', '{"type":"released","order_id":"order-11"}', '{"correlation_id":"01a22303-ba2c-7075-998b-bda82e6cd05a","at":"2026-11-28T16:36:16.556364Z","command_id":"01a22303-ba2c-7075-998b-bda82e6cd05a"}', 0, 51);
INSERT INTO public.events VALUES ('pet', 'busy', 26, 'pet.reserved', '1.0', '{"type":"reserved","order_id":"last"}', '{"correlation_id":"01a22303-ba37-7520-b08b-b1e4766da410","at":"2026-11-28T16:36:16.567794Z","command_id":"01a22303-ba37-7520-b08b-b1e4766da410"}', 0, 53);
INSERT INTO public.events VALUES ('car', 'beetle', 1, 'car.created', '1.0', '{"type":"created","make":"Volkswagen","model":"Beetle","colour":"red","vin":"1HGBH41JXMN109186"}', '{"correlation_id":"01a22303-ba41-7685-92af-9521f72b63a6","at":"2026-11-28T16:36:16.578489Z","command_id":"01a22303-ba41-7685-92af-9521f72b63a6"}', 7, 1);
INSERT INTO public.events VALUES ('car', 'beetle', 2, 'car.repainted', '1.0', '{"type":"repainted","colour":"blue"}', '{"correlation_id":"01a22303-ba48-77c9-98ca-4000507e6785","at":"2026-11-28T16:36:16.584657Z","command_id":"01a22303-ba48-77c9-98ca-4000507e6785"}', 7, 3);
INSERT INTO public.events VALUES ('car', 'retired', 1, 'car.created', '1.0', '{"type":"created","make":"Trabant","model":"601","colour":"grey","vin":"1M8GDM9AXKP042788"}', '{"command_id":"01a22303-ba4c-76cf-bb23-030afc55f638","at":"2026-11-28T16:36:16.589594Z","correlation_id":"01a22303-ba4c-76cf-bb23-030afc55f638"}', 5, 1);
INSERT INTO public.events VALUES ('car', 'retired', 2, 'car.retired', '1.0', '{"type":"retired"}', '{"at":"2026-11-28T16:36:16.598534Z","command_id":"01a22303-ba56-758c-acfd-9dd7b1606e9c","correlation_id":"01a22303-ba56-758c-acfd-9dd7b1606e9c"}', 5, 3);


--
-- Data for Name: parked_entries; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: partitions; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.partitions VALUES (7, NULL, 2, 4);
INSERT INTO public.partitions VALUES (1, NULL, 2, 4);
INSERT INTO public.partitions VALUES (5, NULL, 2, 4);
INSERT INTO public.partitions VALUES (4, NULL, 2, 2);
INSERT INTO public.partitions VALUES (2, NULL, 2, 4);
INSERT INTO public.partitions VALUES (6, NULL, 2, 4);
INSERT INTO public.partitions VALUES (0, NULL, 2, 55);
INSERT INTO public.partitions VALUES (3, NULL, 2, 0);


--
-- Data for Name: replicas; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: store_identity; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.store_identity VALUES (true, 'e20fce3f-14f7-40e2-9701-7c9f78f478d3', 1795883773258);


--
-- Data for Name: views; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.views VALUES ('pet/available', 1, '{"id":"available","name":"Available","category":"dog","tags":["t"],"photo_urls":[],"price":null,"status":"available","order_id":null,"version":1}', 'available', false);
INSERT INTO public.views VALUES ('pet/scheduled', 1, '{"id":"scheduled","name":"Scheduled","category":"dog","tags":["t"],"photo_urls":[],"price":null,"status":"available","order_id":null,"version":1}', 'available', false);
INSERT INTO public.views VALUES ('pet/reserved', 2, '{"id":"reserved","name":"Reserved","category":"dog","tags":["t"],"photo_urls":[],"price":null,"status":"reserved","order_id":"order-1","version":2}', 'reserved', false);
INSERT INTO public.views VALUES ('pet/sold', 2, '{"id":"sold","name":"Sold","category":"dog","tags":["t"],"photo_urls":[],"price":null,"status":"sold","order_id":null,"version":2}', 'sold', false);
INSERT INTO public.views VALUES ('pet/deleted', 2, '{"id":"deleted","name":"Deleted","category":"dog","tags":["t"],"photo_urls":[],"price":null,"status":"deleted","order_id":null,"version":2}', 'deleted', true);
INSERT INTO public.views VALUES ('pet/busy', 26, '{"id":"busy","name":"Busy","category":"dog","tags":["t"],"photo_urls":[],"price":null,"status":"reserved","order_id":"last","version":26}', 'reserved', false);
INSERT INTO public.views VALUES ('car/beetle', 2, '{"id":"beetle","make":"Volkswagen","model":"Beetle","colour":"blue","vin":"1HGBH41JXMN109186","status":"active","version":2}', 'active', false);
INSERT INTO public.views VALUES ('car/retired', 2, '{"id":"retired","make":"Trabant","model":"601","colour":"grey","vin":"1M8GDM9AXKP042788","status":"retired","version":2}', 'retired', false);


--
-- Name: _sqlx_migrations _sqlx_migrations_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public._sqlx_migrations
    ADD CONSTRAINT _sqlx_migrations_pkey PRIMARY KEY (version);


--
-- Name: aggregate_snapshots aggregate_snapshots_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.aggregate_snapshots
    ADD CONSTRAINT aggregate_snapshots_pkey PRIMARY KEY (aggregate_type, aggregate_id);


--
-- Name: checkpoints checkpoints_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.checkpoints
    ADD CONSTRAINT checkpoints_pkey PRIMARY KEY (reader, partition);


--
-- Name: commands commands_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.commands
    ADD CONSTRAINT commands_pkey PRIMARY KEY (id);


--
-- Name: events events_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.events
    ADD CONSTRAINT events_pkey PRIMARY KEY (aggregate_type, aggregate_id, sequence);


--
-- Name: parked_entries parked_entries_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.parked_entries
    ADD CONSTRAINT parked_entries_pkey PRIMARY KEY (reader, generation, partition, "offset");


--
-- Name: partitions partitions_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.partitions
    ADD CONSTRAINT partitions_pkey PRIMARY KEY (id);


--
-- Name: replicas replicas_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.replicas
    ADD CONSTRAINT replicas_pkey PRIMARY KEY (id);


--
-- Name: store_identity store_identity_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.store_identity
    ADD CONSTRAINT store_identity_pkey PRIMARY KEY (only_row);


--
-- Name: views views_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.views
    ADD CONSTRAINT views_pkey PRIMARY KEY (view_id);


--
-- Name: commands_by_acceptance; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX commands_by_acceptance ON public.commands USING btree (accepted_at, id) WHERE (accepted_at > '-infinity'::timestamp with time zone);


--
-- Name: INDEX commands_by_acceptance; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON INDEX public.commands_by_acceptance IS 'Lists, newest first. The condition, which holds always, keeps it for statements that repeat it: while a backlog is long the planner would otherwise look for what is open in here, and walk over all that is settled.';


--
-- Name: commands_by_correlation; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX commands_by_correlation ON public.commands USING btree (correlation_id, accepted_at, id) WHERE (correlation_id IS NOT NULL);


--
-- Name: INDEX commands_by_correlation; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON INDEX public.commands_by_correlation IS 'What one request set off.';


--
-- Name: commands_by_key; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX commands_by_key ON public.commands USING btree (tenant, idempotency_key) WHERE (idempotency_key IS NOT NULL);


--
-- Name: INDEX commands_by_key; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON INDEX public.commands_by_key IS 'A key is used once per tenant.';


--
-- Name: commands_feed; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX commands_feed ON public.commands USING btree (partition, "offset") WHERE ("offset" IS NOT NULL);


--
-- Name: INDEX commands_feed; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON INDEX public.commands_feed IS 'The outcomes of a partition, as its feed tells them.';


--
-- Name: commands_open; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX commands_open ON public.commands USING btree (partition, accepted_at, id) WHERE ((status = 0) AND (not_before IS NULL));


--
-- Name: INDEX commands_open; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON INDEX public.commands_open IS 'What is to be applied at once, in order. Apart from the scheduled ones, so that a million of those costs it nothing.';


--
-- Name: commands_scheduled; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX commands_scheduled ON public.commands USING btree (partition, not_before) WHERE ((status = 0) AND (not_before IS NOT NULL));


--
-- Name: INDEX commands_scheduled; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON INDEX public.commands_scheduled IS 'What waits for its time.';


--
-- Name: commands_unsuccessful; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX commands_unsuccessful ON public.commands USING btree (status, accepted_at, id) WHERE (status = ANY (ARRAY[2, 3]));


--
-- Name: INDEX commands_unsuccessful; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON INDEX public.commands_unsuccessful IS 'Lists of the failed and of the cancelled, which are few among many.';


--
-- Name: events_feed; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX events_feed ON public.events USING btree (partition, "offset") WHERE ("offset" IS NOT NULL);


--
-- Name: INDEX events_feed; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON INDEX public.events_feed IS 'The events of a partition, as its feed tells them.';


--
-- Name: events_to_adopt; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX events_to_adopt ON public.events USING btree (aggregate_type, aggregate_id, sequence) WHERE ("offset" IS NULL);


--
-- Name: INDEX events_to_adopt; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON INDEX public.events_to_adopt IS 'What postgres-es wrote and nobody adopted yet; empty otherwise.';


--
-- Name: views_by_status; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX views_by_status ON public.views USING btree (status, view_id) WHERE (NOT gone);


--
-- Name: INDEX views_by_status; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON INDEX public.views_by_status IS 'Lists of one status.';


--
-- PostgreSQL database dump complete
--


