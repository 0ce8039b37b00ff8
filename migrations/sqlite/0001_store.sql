-- The store: who owns what, the registry of commands, the journal of events, views, snapshots, checkpoints.
-- The twin of the PostgreSQL migration of this number. Times are microseconds since 1970 (UTC), ids of commands
-- and replicas are blobs of 16 bytes.

-- Aggregates hash onto these rows; each is lease, fence and sequence at once.
CREATE TABLE partitions (
    -- Number of the partition, 0 to count - 1; the rows are made when the store is, and stay.
    id    INTEGER NOT NULL PRIMARY KEY,
    -- The replica that may commit to it; null: none.
    owner BLOB,
    -- Rises with each change of owner; a commit names the epoch it believes in.
    epoch INTEGER NOT NULL DEFAULT 0,
    -- Offset of the newest entry of its feed; 0: none yet.
    head  INTEGER NOT NULL DEFAULT 0,
    CONSTRAINT a_partition_is_numbered_from_zero CHECK (id >= 0),
    CONSTRAINT a_head_counts_up_from_zero CHECK (head >= 0)
) STRICT;

-- The replicas that share the store: here those of one process, normally one.
CREATE TABLE replicas (
    -- The replica, as in partitions.owner.
    id          BLOB    NOT NULL PRIMARY KEY,
    -- What it owns is free from then on, by SQLite's clock.
    lease_until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The registry: everything that was ever asked for, and how it ended. One insert; one update, if it was not settled
-- with that.
CREATE TABLE commands (
    -- UUIDv7, unless the client chose one.
    id               BLOB    NOT NULL,
    -- When it was accepted; with id, the order of acceptance.
    accepted_at      INTEGER NOT NULL,
    -- Not to be applied earlier; null: at once.
    not_before       INTEGER,
    -- The version the client expects the aggregate to have.
    expected_version INTEGER,
    -- The partition of its target.
    partition        INTEGER NOT NULL,
    -- 0 open, 1 succeeded, 2 failed, 3 cancelled.
    status           INTEGER NOT NULL DEFAULT 0,
    -- How often it was tried; null while open.
    attempts         INTEGER,
    -- Its place in the feed of its partition; null while open.
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
    -- Whose it is; empty while there are no API keys.
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
    CONSTRAINT commands_pkey UNIQUE (id),
    CONSTRAINT a_command_has_an_offset_iff_it_is_settled CHECK ((status = 0) = ("offset" IS NULL))
) STRICT;

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

-- The journal: what happened, for good. The columns of postgres-es, and two of our own.
CREATE TABLE events (
    -- pet
    aggregate_type TEXT    NOT NULL,
    -- pet-42
    aggregate_id   TEXT    NOT NULL,
    -- 1, 2, 3 ... within the aggregate.
    sequence       INTEGER NOT NULL CHECK (sequence >= 0),
    -- pet.reserved
    event_type     TEXT    NOT NULL,
    -- The version of the layout of the payload.
    event_version  TEXT    NOT NULL,
    -- The event as JSON.
    payload        TEXT    NOT NULL,
    -- A JSON object of strings: command_id, correlation_id, at and more.
    metadata       TEXT    NOT NULL,
    -- The partition of the aggregate.
    partition      INTEGER NOT NULL,
    -- Its place in the feed of its partition.
    "offset"       INTEGER NOT NULL,
    PRIMARY KEY (aggregate_type, aggregate_id, sequence)
) STRICT;

-- The events of a partition, as its feed tells them.
CREATE INDEX events_feed ON events (partition, "offset");

-- The newest snapshot of each aggregate that has one. A mere optimisation: may be emptied at any time.
CREATE TABLE aggregate_snapshots (
    -- pet
    aggregate_type TEXT    NOT NULL,
    -- pet-42
    aggregate_id   TEXT    NOT NULL,
    -- The number of the last event in it.
    version        INTEGER NOT NULL,
    -- The state as JSON.
    payload        TEXT    NOT NULL,
    PRIMARY KEY (aggregate_type, aggregate_id)
) STRICT;

-- The landing view of each aggregate, written with its events.
CREATE TABLE views (
    -- pet/pet-42
    view_id TEXT    NOT NULL PRIMARY KEY,
    -- The number of the last event in it.
    version INTEGER NOT NULL,
    -- What the resource answers, as JSON.
    payload TEXT    NOT NULL,
    -- What lists are filtered by.
    status  TEXT    NOT NULL,
    -- Whether the resource exists no more; lists leave it out.
    gone    INTEGER NOT NULL DEFAULT 0,
    CONSTRAINT a_view_has_a_version CHECK (version >= 0)
) STRICT;

-- Lists of one status.
CREATE INDEX views_by_status ON views (status, view_id) WHERE gone = 0;

-- How far each durable reader of the feed has come.
CREATE TABLE checkpoints (
    -- Name of the reader.
    reader    TEXT    NOT NULL,
    -- The partition it reads.
    partition INTEGER NOT NULL,
    -- Everything up to and including this offset is done.
    "offset"  INTEGER NOT NULL,
    -- The sequence number of the broker at that point, for readers that publish.
    mark      INTEGER,
    PRIMARY KEY (reader, partition)
) STRICT, WITHOUT ROWID;

-- Former checkpoints with a mark, the newest 1000 or so of each partition: where to go back to when the broker
-- lost its tail.
CREATE TABLE checkpoint_marks (
    -- Name of the reader.
    reader    TEXT    NOT NULL,
    -- The partition it reads.
    partition INTEGER NOT NULL,
    -- The sequence number of the broker at that point.
    mark      INTEGER NOT NULL,
    -- Everything up to and including this offset was done.
    "offset"  INTEGER NOT NULL,
    PRIMARY KEY (reader, partition, mark)
) STRICT, WITHOUT ROWID;
