-- Which store this is and which of its lives it lives; entries of the feed that cannot be told.

CREATE TABLE store_identity (
    only_row   boolean NOT NULL DEFAULT true,
    id         uuid    NOT NULL,
    generation bigint  NOT NULL,
    CONSTRAINT store_identity_pkey PRIMARY KEY (only_row),
    CONSTRAINT there_is_one_row CHECK (only_row)
);

COMMENT ON TABLE store_identity IS 'One row: which store this is, so that two do not share a stream unawares.';
COMMENT ON COLUMN store_identity.only_row IS 'Always true: there is one row.';
COMMENT ON COLUMN store_identity.id IS 'Made with the store; a copy and a restored backup keep it.';
COMMENT ON COLUMN store_identity.generation IS 'Which life of the store this is: milliseconds since 1970 of when it was made, or was restored to an earlier state (from then on its offsets name other entries than before). 1 where the store is older than this column.';

INSERT INTO store_identity (id, generation)
SELECT gen_random_uuid(),
       CASE WHEN EXISTS (SELECT FROM partitions) THEN 1
            ELSE (extract(epoch FROM clock_timestamp()) * 1000)::bigint END;

ALTER TABLE checkpoints ADD COLUMN generation bigint NOT NULL DEFAULT 1;
COMMENT ON COLUMN checkpoints.generation IS 'The generation of the store in which the reader came so far.';

CREATE TABLE parked_entries (
    reader     text COLLATE "C" NOT NULL,
    partition  smallint    NOT NULL,
    "offset"   bigint      NOT NULL,
    generation bigint      NOT NULL,
    parked_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    reason     text        NOT NULL,
    CONSTRAINT parked_entries_pkey PRIMARY KEY (reader, generation, partition, "offset")
);

COMMENT ON TABLE parked_entries IS 'Entries of the feed that a durable reader could not tell and has passed over, for somebody to look at.';
COMMENT ON COLUMN parked_entries.reader IS 'Name of the reader.';
COMMENT ON COLUMN parked_entries.partition IS 'The partition of the entry.';
COMMENT ON COLUMN parked_entries."offset" IS 'Its offset there.';
COMMENT ON COLUMN parked_entries.generation IS 'The generation of the store that the offset belongs to.';
COMMENT ON COLUMN parked_entries.parked_at IS 'When it was passed over.';
COMMENT ON COLUMN parked_entries.reason IS 'Why it cannot be told.';

-- What a reader has told is asked of the broker itself now.
DROP TABLE checkpoint_marks;
