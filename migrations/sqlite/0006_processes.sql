-- Processes: work of several steps. The twin of the PostgreSQL migration of this number.
--
-- SQLite cannot change a constraint of a table, so that of the commands is made anew.

CREATE TABLE new_commands (
    -- UUIDv7, unless the client chose one; unique per tenant.
    id               BLOB    NOT NULL,
    -- When it was accepted; with id, the order of acceptance.
    accepted_at      INTEGER NOT NULL,
    -- Not to be applied earlier; null: at once.
    not_before       INTEGER,
    -- The version the client expects the aggregate to have.
    expected_version INTEGER,
    -- The partition of its target.
    partition        INTEGER NOT NULL,
    -- 0 open, 1 succeeded, 2 failed, 3 cancelled, 4 running: begun, and in the hands of a process.
    status           INTEGER NOT NULL DEFAULT 0,
    -- How often it was tried; null until it is settled.
    attempts         INTEGER,
    -- Its place in the feed of its partition; null until it is settled.
    "offset"         INTEGER,
    -- When it was settled.
    settled_at       INTEGER,
    -- The version of the aggregate after it; null unless it succeeded.
    version          INTEGER,
    -- Shared by everything one request set off; null: its own id.
    correlation_id   BLOB,
    -- The command that led to it.
    caused_by        BLOB,
    -- Hash of the request, 16 bytes; null where none was taken.
    fingerprint      BLOB,
    -- Whose it is; empty: the default tenant's.
    tenant           TEXT    NOT NULL,
    -- pet.reserve: aggregate type and verb.
    command_type     TEXT    NOT NULL,
    -- The id of the aggregate.
    target           TEXT    NOT NULL,
    -- The fields of the command as JSON, byte for byte.
    data             TEXT    NOT NULL,
    -- The key the client gave, unique per tenant; null: the id is the key.
    idempotency_key  TEXT,
    -- Who asked for it.
    actor            TEXT,
    -- Where to post the outcome.
    callback_url     TEXT,
    -- The metadata of the client, a JSON object of strings.
    metadata         TEXT,
    -- W3C Trace Context of the request.
    traceparent      TEXT,
    -- The problem as JSON; null unless it failed or was cancelled.
    error            TEXT,
    -- The process that issued it and wants to hear how it ended: type, id and label, ordering/o-1/reserve.
    reply_to         TEXT,
    -- The partition of that process.
    reply_partition  INTEGER,
    -- It has to be done in the end: the slugs that say there is nothing to do, a JSON array; null: it may fail.
    must             TEXT,
    -- How many processes led to it, one by way of the other; null: none.
    depth            INTEGER,
    CONSTRAINT commands_pkey UNIQUE (id, tenant),
    CONSTRAINT a_command_has_an_offset_iff_it_is_settled CHECK ((status IN (0, 4)) = ("offset" IS NULL))
) STRICT;

INSERT INTO new_commands (
    id, accepted_at, not_before, expected_version, partition, status, attempts, "offset", settled_at, version,
    correlation_id, caused_by, fingerprint, tenant, command_type, target, data, idempotency_key, actor, callback_url,
    metadata, traceparent, error)
SELECT
    id, accepted_at, not_before, expected_version, partition, status, attempts, "offset", settled_at, version,
    correlation_id, caused_by, fingerprint, tenant, command_type, target, data, idempotency_key, actor, callback_url,
    metadata, traceparent, error
FROM commands ORDER BY rowid;
DROP TABLE commands;
ALTER TABLE new_commands RENAME TO commands;

-- A key is used once per tenant.
CREATE UNIQUE INDEX commands_by_key ON commands (tenant, idempotency_key) WHERE idempotency_key IS NOT NULL;
-- What is to be applied at once, in order. Apart from the scheduled ones, so that a million of those costs it
-- nothing.
CREATE INDEX commands_open ON commands (partition, accepted_at, id) WHERE status = 0 AND not_before IS NULL;
-- What waits for its time.
CREATE INDEX commands_scheduled ON commands (partition, not_before) WHERE status = 0 AND not_before IS NOT NULL;
-- The outcomes of a partition, as its feed tells them.
CREATE INDEX commands_feed ON commands (partition, "offset") WHERE "offset" IS NOT NULL;
-- Lists, newest first.
CREATE INDEX commands_by_acceptance ON commands (accepted_at, id);
-- Lists of the failed and of the cancelled, which are few among many.
CREATE INDEX commands_unsuccessful ON commands (status, accepted_at, id) WHERE status IN (2, 3);
-- What one request set off.
CREATE INDEX commands_by_correlation ON commands (correlation_id, accepted_at, id) WHERE correlation_id IS NOT NULL;
-- What was asked of an aggregate and has not succeeded: open, failed or cancelled. Nearly all commands succeed at once and
-- are never in it.
CREATE INDEX commands_unfinished ON commands (tenant, target, command_type, accepted_at DESC) WHERE status <> 1;
-- What a command led to.
CREATE INDEX commands_by_cause ON commands (caused_by, accepted_at, id) WHERE caused_by IS NOT NULL;
-- What processes wait for.
CREATE INDEX commands_awaited ON commands (reply_to) WHERE reply_to IS NOT NULL AND "offset" IS NULL;
-- What is in the hands of processes.
CREATE INDEX commands_running ON commands (accepted_at, id) WHERE status = 4;

-- An instance of a process: what it knows, and what it owes.
CREATE TABLE processes (
    -- ordering
    process_type   TEXT    NOT NULL,
    -- Whose it is; empty: the default tenant's.
    tenant         TEXT    NOT NULL,
    -- The id that its commands are for.
    process_id     TEXT    NOT NULL,
    -- That of its commands.
    partition      INTEGER NOT NULL,
    -- How many inputs it has handled.
    version        INTEGER NOT NULL,
    -- The layout of its state.
    state_version  INTEGER NOT NULL,
    -- As JSON.
    state          TEXT    NOT NULL,
    -- The ids of the commands that it is to settle, a JSON array.
    holds          TEXT    NOT NULL,
    -- How many of its commands have not been answered yet.
    awaits         INTEGER NOT NULL,
    -- How far it is, as JSON.
    progress       TEXT,
    -- How many processes led to it, one by way of the other.
    depth          INTEGER NOT NULL,
    -- Shared by everything that the request it began with set off.
    correlation_id BLOB    NOT NULL,
    -- The command that began it.
    caused_by      BLOB,
    -- Who asked for it.
    actor          TEXT,
    -- W3C Trace Context of the request.
    traceparent    TEXT,
    begun_at       INTEGER NOT NULL,
    -- Null while it goes on.
    ended_at       INTEGER,
    -- The problem as JSON: why it stands still until somebody sees to it.
    parked         TEXT,
    CONSTRAINT processes_pkey PRIMARY KEY (process_type, tenant, process_id)
) STRICT, WITHOUT ROWID;

-- Those that somebody has to see to.
CREATE INDEX processes_parked ON processes (process_type, tenant, process_id) WHERE parked IS NOT NULL;

-- What instances are to hear of, and have not handled yet.
CREATE TABLE signals (
    -- Where it was told: the partition and the offset of the feed's entry.
    source     INTEGER NOT NULL,
    "offset"   INTEGER NOT NULL,
    -- The instance and the label: ordering/o-1/reserve.
    address    TEXT    NOT NULL,
    -- The partition of the instance.
    partition  INTEGER NOT NULL,
    -- Whose it is; empty: the default tenant's.
    tenant     TEXT    NOT NULL,
    -- The command that was settled.
    command_id BLOB    NOT NULL,
    -- When.
    at         INTEGER NOT NULL,
    -- Whether its instance stands still.
    parked     INTEGER NOT NULL DEFAULT 0,
    CONSTRAINT signals_pkey PRIMARY KEY (source, "offset", address)
) STRICT, WITHOUT ROWID;

-- What is to be handled, in order.
CREATE INDEX signals_due ON signals (partition, at, source, "offset") WHERE parked = 0;
-- What waits for an instance that stands still.
CREATE INDEX signals_parked ON signals (address) WHERE parked <> 0;

-- What instances wait for.
CREATE TABLE timers (
    process_type TEXT    NOT NULL,
    tenant       TEXT    NOT NULL,
    process_id   TEXT    NOT NULL,
    -- Its name within the instance.
    name         TEXT    NOT NULL,
    -- The partition of the instance.
    partition    INTEGER NOT NULL,
    -- When it fires.
    due_at       INTEGER NOT NULL,
    -- Whether its instance stands still.
    parked       INTEGER NOT NULL DEFAULT 0,
    CONSTRAINT timers_pkey PRIMARY KEY (process_type, tenant, process_id, name)
) STRICT, WITHOUT ROWID;

-- What fires next.
CREATE INDEX timers_due ON timers (partition, due_at) WHERE parked = 0;

-- Whoever settles a command that somebody wants to hear of, and in whatever way, leaves a signal with it.
CREATE TRIGGER commands_reply AFTER UPDATE OF "offset" ON commands
WHEN NEW.reply_to IS NOT NULL AND OLD."offset" IS NULL AND NEW."offset" IS NOT NULL
BEGIN
    INSERT INTO signals (source, "offset", address, partition, tenant, command_id, at)
    VALUES (NEW.partition, NEW."offset", NEW.reply_to, NEW.reply_partition, NEW.tenant, NEW.id, NEW.settled_at);
END;
