-- Ids of commands are a tenant's own: two tenants may have the same.
--
-- What is stored is the default tenant's, whose name is stored as an empty text; all of it stays as it is. Aggregates of
-- another tenant are stored under ids with its name and a slash before them (events and aggregate_snapshots.aggregate_id:
-- acme/pet-42), their views under `@`, its name, a slash and what is usual (views.view_id: @acme/pet/pet-42).
--
-- SQLite cannot change what is unique in a table, so it is made anew.

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
    CONSTRAINT commands_pkey UNIQUE (id, tenant),
    CONSTRAINT a_command_has_an_offset_iff_it_is_settled CHECK ((status = 0) = ("offset" IS NULL))
) STRICT;

INSERT INTO new_commands SELECT * FROM commands ORDER BY rowid;
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
