-- Activities: what is asked of the outside. The twin of the PostgreSQL migration of this number.

-- Where the attempts at activities stand; their commands are running.
CREATE TABLE attempts (
    -- The command.
    command_id  BLOB    NOT NULL,
    -- Whose it is; empty: the default tenant's.
    tenant      TEXT    NOT NULL,
    -- That of the command.
    partition   INTEGER NOT NULL,
    -- Whom it asks.
    destination TEXT    NOT NULL,
    -- How many attempts have begun.
    attempt     INTEGER NOT NULL,
    -- When the first of them began.
    begun_at    INTEGER,
    -- Whether one of them may have been done without our knowing; so while one is under way.
    in_doubt    INTEGER NOT NULL,
    -- When the next may begin; while one is under way: when it must have ended.
    due_at      INTEGER NOT NULL,
    CONSTRAINT attempts_pkey PRIMARY KEY (command_id, tenant)
) STRICT, WITHOUT ROWID;

-- What is to be tried next, of each destination.
CREATE INDEX attempts_due ON attempts (partition, destination, due_at);

-- What a command gives beside the resource, a JSON object; null: nothing.
ALTER TABLE commands ADD COLUMN result TEXT;
