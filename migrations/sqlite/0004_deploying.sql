-- What makes one store safe under one build of the program after another: whose code made a snapshot or a view, which
-- kinds of events there are, and which commands no build could apply so far. The twin of the PostgreSQL migration of
-- this number.

-- The kinds of events that are stored, each with one event to try whether it can be read.
CREATE TABLE event_kinds (
    -- pet
    aggregate_type TEXT    NOT NULL,
    -- pet.reserved
    event_type     TEXT    NOT NULL,
    -- The version of the layout of the payload.
    event_version  TEXT    NOT NULL,
    -- The aggregate of the sample: its id as in events.
    aggregate_id   TEXT    NOT NULL,
    -- The number of the sample within its aggregate.
    sequence       INTEGER NOT NULL,
    PRIMARY KEY (aggregate_type, event_type, event_version)
) STRICT, WITHOUT ROWID;

-- With a single max() the other columns are those of its row.
INSERT INTO event_kinds (aggregate_type, event_type, event_version, aggregate_id, sequence)
SELECT aggregate_type, event_type, event_version, aggregate_id, max(sequence)
FROM events
GROUP BY aggregate_type, event_type, event_version;

-- Open commands that cannot be applied by the build that owns their partition: they wait for another one. Few, and
-- normally none.
CREATE TABLE blocked_commands (
    -- The id of the command.
    command_id     BLOB    NOT NULL,
    -- Whose it is; empty: the default tenant's.
    tenant         TEXT    NOT NULL,
    -- The partition of its target.
    partition      INTEGER NOT NULL,
    -- pet
    aggregate_type TEXT    NOT NULL,
    -- The id of the aggregate, as in events.
    target         TEXT    NOT NULL,
    -- Whether it only waits behind another one for the same aggregate, so that their order is kept.
    behind         INTEGER NOT NULL,
    -- The problem as JSON: why it cannot be applied.
    reason         TEXT    NOT NULL,
    PRIMARY KEY (command_id, tenant)
) STRICT, WITHOUT ROWID;

-- What waits for the same aggregate.
CREATE INDEX blocked_commands_by_target ON blocked_commands (aggregate_type, target);

-- Which code made the row, and of which version: {hash}@{version}. Null, or of another version than the row's: made by
-- code that knew nothing of this. A row of other code is as good as none.
ALTER TABLE aggregate_snapshots ADD COLUMN fingerprint TEXT;
-- The same of a view.
ALTER TABLE views ADD COLUMN fingerprint TEXT;
