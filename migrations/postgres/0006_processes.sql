-- Processes: work of several steps. The twin of the SQLite migration of this number.

CREATE TABLE processes (
    process_type   text COLLATE "C" NOT NULL,
    tenant         text COLLATE "C" NOT NULL,
    process_id     text COLLATE "C" NOT NULL,
    partition      smallint    NOT NULL,
    version        bigint      NOT NULL,
    state_version  smallint    NOT NULL,
    state          text        NOT NULL,
    holds          uuid[]      NOT NULL,
    awaits         integer     NOT NULL,
    progress       text,
    depth          smallint    NOT NULL,
    correlation_id uuid        NOT NULL,
    caused_by      uuid,
    actor          text,
    traceparent    text,
    begun_at       timestamptz NOT NULL,
    ended_at       timestamptz,
    parked         text,
    CONSTRAINT processes_pkey PRIMARY KEY (process_type, tenant, process_id)
);

COMMENT ON TABLE processes IS 'An instance of a process: what it knows, and what it owes.';
COMMENT ON COLUMN processes.process_type IS 'ordering';
COMMENT ON COLUMN processes.tenant IS 'Whose it is; empty: the default tenant''s.';
COMMENT ON COLUMN processes.process_id IS 'The id that its commands are for.';
COMMENT ON COLUMN processes.partition IS 'That of its commands.';
COMMENT ON COLUMN processes.version IS 'How many inputs it has handled.';
COMMENT ON COLUMN processes.state_version IS 'The layout of its state.';
COMMENT ON COLUMN processes.state IS 'As JSON.';
COMMENT ON COLUMN processes.holds IS 'The ids of the commands that it is to settle.';
COMMENT ON COLUMN processes.awaits IS 'How many of its commands have not been answered yet.';
COMMENT ON COLUMN processes.progress IS 'How far it is, as JSON.';
COMMENT ON COLUMN processes.depth IS 'How many processes led to it, one by way of the other.';
COMMENT ON COLUMN processes.correlation_id IS 'Shared by everything that the request it began with set off.';
COMMENT ON COLUMN processes.caused_by IS 'The command that began it.';
COMMENT ON COLUMN processes.actor IS 'Who asked for it.';
COMMENT ON COLUMN processes.traceparent IS 'W3C Trace Context of the request.';
COMMENT ON COLUMN processes.begun_at IS 'When it began.';
COMMENT ON COLUMN processes.ended_at IS 'Null while it goes on.';
COMMENT ON COLUMN processes.parked IS 'The problem as JSON: why it stands still until somebody sees to it.';

CREATE INDEX processes_parked ON processes (process_type, tenant, process_id) WHERE parked IS NOT NULL;
COMMENT ON INDEX processes_parked IS 'Those that somebody has to see to.';

CREATE TABLE signals (
    source     smallint    NOT NULL,
    "offset"   bigint      NOT NULL,
    address    text COLLATE "C" NOT NULL,
    partition  smallint    NOT NULL,
    tenant     text COLLATE "C" NOT NULL,
    command_id uuid        NOT NULL,
    at         timestamptz NOT NULL,
    parked     boolean     NOT NULL DEFAULT false,
    CONSTRAINT signals_pkey PRIMARY KEY (source, "offset", address)
);

COMMENT ON TABLE signals IS 'What instances are to hear of, and have not handled yet.';
COMMENT ON COLUMN signals.source IS 'Where it was told: the partition of the feed''s entry.';
COMMENT ON COLUMN signals."offset" IS 'And its offset.';
COMMENT ON COLUMN signals.address IS 'The instance and the label: ordering/o-1/reserve.';
COMMENT ON COLUMN signals.partition IS 'The partition of the instance.';
COMMENT ON COLUMN signals.tenant IS 'Whose it is; empty: the default tenant''s.';
COMMENT ON COLUMN signals.command_id IS 'The command that was settled.';
COMMENT ON COLUMN signals.at IS 'When.';
COMMENT ON COLUMN signals.parked IS 'Whether its instance stands still.';

CREATE INDEX signals_due ON signals (partition, at, source, "offset") WHERE NOT parked;
COMMENT ON INDEX signals_due IS 'What is to be handled, in order.';
CREATE INDEX signals_parked ON signals (address) WHERE parked;
COMMENT ON INDEX signals_parked IS 'What waits for an instance that stands still.';

CREATE TABLE timers (
    process_type text COLLATE "C" NOT NULL,
    tenant       text COLLATE "C" NOT NULL,
    process_id   text COLLATE "C" NOT NULL,
    name         text COLLATE "C" NOT NULL,
    partition    smallint    NOT NULL,
    due_at       timestamptz NOT NULL,
    parked       boolean     NOT NULL DEFAULT false,
    CONSTRAINT timers_pkey PRIMARY KEY (process_type, tenant, process_id, name)
);

COMMENT ON TABLE timers IS 'What instances wait for.';
COMMENT ON COLUMN timers.process_type IS 'As in processes.';
COMMENT ON COLUMN timers.tenant IS 'As in processes.';
COMMENT ON COLUMN timers.process_id IS 'As in processes.';
COMMENT ON COLUMN timers.name IS 'Its name within the instance.';
COMMENT ON COLUMN timers.partition IS 'The partition of the instance.';
COMMENT ON COLUMN timers.due_at IS 'When it fires.';
COMMENT ON COLUMN timers.parked IS 'Whether its instance stands still.';

CREATE INDEX timers_due ON timers (partition, due_at) WHERE NOT parked;
COMMENT ON INDEX timers_due IS 'What fires next.';

-- Writes what instances did, and marks commands as running. Called in the statement that writes a unit of work, which has
-- made sure of the partitions.
--   p_steps   [{process_type, tenant, process_id, partition, expected (version, 0: it begins), version, …, the columns,
--             times as text}]
--   p_signals [{source, offset, address}] that were handled  p_fired [{…, name, due_at}]  p_stopped [{…, name}]
--   p_set [{…, name, partition, due_at}]  p_parked [{process_type, tenant, process_id}] that stand still from now on
--   p_begun   [{id, tenant}] of commands that are stored
--   own SQLSTATEs: WF002 an instance, a signal, a timer or a command is not as it was
CREATE FUNCTION wilco_step(
    p_steps jsonb, p_signals jsonb, p_fired jsonb, p_stopped jsonb, p_set jsonb, p_parked jsonb, p_begun jsonb
) RETURNS void
LANGUAGE plpgsql
AS $$
DECLARE
    done bigint;
BEGIN
    INSERT INTO processes AS p (process_type, tenant, process_id, partition, version, state_version, state, holds, awaits,
                                progress, depth, correlation_id, caused_by, actor, traceparent, begun_at, ended_at, parked)
    SELECT n.process_type, n.tenant, n.process_id, n.partition, n.version, n.state_version, n.state, n.holds, n.awaits,
           n.progress, n.depth, n.correlation_id, n.caused_by, n.actor, n.traceparent, n.begun_at, n.ended_at, n.parked
    FROM jsonb_to_recordset(p_steps) AS n (
        process_type text, tenant text, process_id text, partition smallint, version bigint, state_version smallint,
        state text, holds uuid[], awaits integer, progress text, depth smallint, correlation_id uuid, caused_by uuid,
        actor text, traceparent text, begun_at timestamptz, ended_at timestamptz, parked text, expected bigint)
    WHERE n.expected = 0
    ON CONFLICT DO NOTHING;
    GET DIAGNOSTICS done = ROW_COUNT;
    IF done <> (SELECT count(*) FROM jsonb_to_recordset(p_steps) AS n (expected bigint) WHERE n.expected = 0) THEN
        RAISE EXCEPTION 'a process has begun already' USING ERRCODE = 'WF002';
    END IF;

    UPDATE processes p
    SET version = n.version, state_version = n.state_version, state = n.state, holds = n.holds, awaits = n.awaits,
        progress = n.progress, ended_at = n.ended_at, parked = n.parked
    FROM jsonb_to_recordset(p_steps) AS n (
        process_type text, tenant text, process_id text, version bigint, state_version smallint, state text, holds uuid[],
        awaits integer, progress text, ended_at timestamptz, parked text, expected bigint)
    WHERE n.expected > 0 AND p.process_type = n.process_type AND p.tenant = n.tenant AND p.process_id = n.process_id
      AND p.version = n.expected;
    GET DIAGNOSTICS done = ROW_COUNT;
    IF done <> (SELECT count(*) FROM jsonb_to_recordset(p_steps) AS n (expected bigint) WHERE n.expected > 0) THEN
        RAISE EXCEPTION 'a process is not where it was' USING ERRCODE = 'WF002';
    END IF;

    DELETE FROM signals s USING jsonb_to_recordset(p_signals) AS n (source smallint, "offset" bigint, address text)
    WHERE s.source = n.source AND s."offset" = n."offset" AND s.address = n.address;
    GET DIAGNOSTICS done = ROW_COUNT;
    IF done <> jsonb_array_length(p_signals) THEN
        RAISE EXCEPTION 'a signal was handled already' USING ERRCODE = 'WF002';
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

    UPDATE commands c SET status = 4
    FROM jsonb_to_recordset(p_begun) AS n (id uuid, tenant text)
    WHERE c.id = n.id AND c.tenant = n.tenant AND c.status = 0;
    GET DIAGNOSTICS done = ROW_COUNT;
    IF done <> jsonb_array_length(p_begun) THEN
        RAISE EXCEPTION 'a command is not open any more' USING ERRCODE = 'WF002';
    END IF;
END
$$;
COMMENT ON FUNCTION wilco_step IS 'Writes what instances of processes did.';

-- Lets an instance that stands still go on, with all that waits for it. False: it does not stand still.
CREATE FUNCTION wilco_resume(p_type text, p_tenant text, p_id text, p_home text, p_target text) RETURNS boolean
LANGUAGE plpgsql
AS $$
DECLARE
    its_partition smallint;
BEGIN
    UPDATE processes SET parked = NULL, version = version + 1
    WHERE process_type = p_type AND tenant = p_tenant AND process_id = p_id AND parked IS NOT NULL AND ended_at IS NULL
    RETURNING partition INTO its_partition;
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
COMMENT ON FUNCTION wilco_resume IS 'Lets an instance that stands still go on.';

-- Ends an instance that stands still: what it holds has failed. False: it does not stand still.
CREATE FUNCTION wilco_give_up(
    p_type text, p_tenant text, p_id text, p_home text, p_target text, p_at timestamptz, p_error text
) RETURNS boolean
LANGUAGE plpgsql
AS $$
DECLARE
    it   processes%ROWTYPE;
    base bigint;
    done bigint;
BEGIN
    SELECT * INTO it FROM processes WHERE process_type = p_type AND tenant = p_tenant AND process_id = p_id;
    IF NOT FOUND OR it.parked IS NULL OR it.ended_at IS NOT NULL THEN
        RETURN false;
    END IF;
    -- The partition first, as whoever writes a unit of work does it.
    UPDATE partitions SET head = head + cardinality(it.holds) WHERE id = it.partition
    RETURNING head - cardinality(it.holds) INTO base;
    UPDATE processes SET holds = '{}', ended_at = p_at, progress = NULL, version = version + 1
    WHERE process_type = p_type AND tenant = p_tenant AND process_id = p_id AND version = it.version;
    GET DIAGNOSTICS done = ROW_COUNT;
    IF done = 0 THEN
        RAISE EXCEPTION 'a process is not where it was' USING ERRCODE = 'WF002';
    END IF;
    UPDATE commands c SET status = 2, settled_at = p_at, attempts = 1, error = p_error, "offset" = base + h.place
    FROM unnest(it.holds) WITH ORDINALITY AS h (id, place)
    WHERE c.id = h.id AND c.tenant = p_tenant AND c.status = 4;
    GET DIAGNOSTICS done = ROW_COUNT;
    IF done <> cardinality(it.holds) THEN
        RAISE EXCEPTION 'a command is not running any more' USING ERRCODE = 'WF002';
    END IF;
    DELETE FROM timers WHERE process_type = p_type AND tenant = p_tenant AND process_id = p_id;
    DELETE FROM signals WHERE parked AND tenant = p_tenant AND starts_with(address, p_type || '/' || p_id || '/');
    DELETE FROM blocked_commands WHERE aggregate_type = p_home AND target = p_target;
    RETURN true;
END
$$;
COMMENT ON FUNCTION wilco_give_up IS 'Ends an instance that stands still.';

CREATE FUNCTION wilco_reply() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    INSERT INTO signals (source, "offset", address, partition, tenant, command_id, at)
    VALUES (NEW.partition, NEW."offset", NEW.reply_to, NEW.reply_partition, NEW.tenant, NEW.id, NEW.settled_at);
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION wilco_reply IS 'Leaves a signal for the process that wants to hear of a command.';

-- At the end, since these lock out whoever reads the tables until the migration is committed.
ALTER TABLE commands
    ADD COLUMN reply_to text,
    ADD COLUMN reply_partition smallint,
    ADD COLUMN must text,
    ADD COLUMN depth smallint,
    DROP CONSTRAINT a_command_has_an_offset_iff_it_is_settled,
    ADD CONSTRAINT a_command_has_an_offset_iff_it_is_settled
        CHECK ((status IN (0, 4)) = ("offset" IS NULL)) NOT VALID;
COMMENT ON COLUMN commands.status IS '0 open, 1 succeeded, 2 failed, 3 cancelled, 4 running: begun, and in the hands of a process.';
COMMENT ON COLUMN commands.reply_to IS 'The process that issued it and wants to hear how it ended: type, id and label, ordering/o-1/reserve.';
COMMENT ON COLUMN commands.reply_partition IS 'The partition of that process.';
COMMENT ON COLUMN commands.must IS 'It has to be done in the end: the slugs that say there is nothing to do, a JSON array; null: it may fail.';
COMMENT ON COLUMN commands.depth IS 'How many processes led to it, one by way of the other; null: none.';

CREATE INDEX commands_awaited ON commands (reply_to COLLATE "C") WHERE reply_to IS NOT NULL AND "offset" IS NULL;
COMMENT ON INDEX commands_awaited IS 'What processes wait for.';
CREATE INDEX commands_running ON commands (accepted_at, id) WHERE status = 4;
COMMENT ON INDEX commands_running IS 'What is in the hands of processes.';

-- Whoever settles a command that somebody wants to hear of, of whatever build and in whatever way, leaves a signal with
-- it.
CREATE TRIGGER commands_reply AFTER UPDATE OF "offset" ON commands
FOR EACH ROW WHEN (NEW.reply_to IS NOT NULL AND OLD."offset" IS NULL AND NEW."offset" IS NOT NULL)
EXECUTE FUNCTION wilco_reply();
