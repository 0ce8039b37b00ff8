-- Processes observe events. The twin of the PostgreSQL migration of this number.

-- Up to which offset of each partition's feed it has seen what it observes, a JSON object; null: nothing.
ALTER TABLE processes ADD COLUMN seen TEXT;

-- Somebody has let it go on: what waited for it is to be handled before what comes now.
ALTER TABLE processes ADD COLUMN resumed INTEGER NOT NULL DEFAULT 0;
