-- Which store this is and which of its lives it lives; entries of the feed that cannot be told. The twin of the
-- PostgreSQL migration of this number.

-- One row: which store this is, so that two do not share a stream unawares.
CREATE TABLE store_identity (
    -- Always 1: there is one row.
    only_row   INTEGER NOT NULL PRIMARY KEY DEFAULT 1,
    -- Made with the store; a copy and a restored backup keep it.
    id         BLOB    NOT NULL,
    -- Which life of the store this is: milliseconds since 1970 of when it was made, or was restored to an earlier
    -- state (from then on its offsets name other entries than before). 1 where the store is older than this column.
    generation INTEGER NOT NULL,
    CONSTRAINT there_is_one_row CHECK (only_row = 1)
) STRICT;

INSERT INTO store_identity (id, generation)
SELECT randomblob(16),
       CASE WHEN EXISTS (SELECT 1 FROM partitions) THEN 1 ELSE CAST(unixepoch('subsec') * 1000 AS INTEGER) END;

-- The generation of the store in which the reader came so far.
ALTER TABLE checkpoints ADD COLUMN generation INTEGER NOT NULL DEFAULT 1;

-- Entries of the feed that a durable reader could not tell and has passed over, for somebody to look at.
CREATE TABLE parked_entries (
    -- Name of the reader.
    reader     TEXT    NOT NULL,
    -- The partition of the entry.
    partition  INTEGER NOT NULL,
    -- Its offset there.
    "offset"   INTEGER NOT NULL,
    -- The generation of the store that the offset belongs to.
    generation INTEGER NOT NULL,
    -- When it was passed over.
    parked_at  INTEGER NOT NULL DEFAULT (CAST(unixepoch('subsec') * 1000000 AS INTEGER)),
    -- Why it cannot be told.
    reason     TEXT    NOT NULL,
    PRIMARY KEY (reader, generation, partition, "offset")
) STRICT, WITHOUT ROWID;

-- What a reader has told is asked of the broker itself now.
DROP TABLE checkpoint_marks;
