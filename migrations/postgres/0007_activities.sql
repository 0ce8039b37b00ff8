-- Activities: what is asked of the outside. The twin of the SQLite migration of this number.

CREATE TABLE attempts (
    command_id  uuid        NOT NULL,
    tenant      text COLLATE "C" NOT NULL,
    partition   smallint    NOT NULL,
    destination text COLLATE "C" NOT NULL,
    attempt     integer     NOT NULL,
    begun_at    timestamptz,
    in_doubt    boolean     NOT NULL,
    due_at      timestamptz NOT NULL,
    CONSTRAINT attempts_pkey PRIMARY KEY (command_id, tenant)
) WITH (fillfactor = 80);

COMMENT ON TABLE attempts IS 'Where the attempts at activities stand; their commands are running.';
COMMENT ON COLUMN attempts.command_id IS 'The command.';
COMMENT ON COLUMN attempts.tenant IS 'Whose it is; empty: the default tenant''s.';
COMMENT ON COLUMN attempts.partition IS 'That of the command.';
COMMENT ON COLUMN attempts.destination IS 'Whom it asks.';
COMMENT ON COLUMN attempts.attempt IS 'How many attempts have begun.';
COMMENT ON COLUMN attempts.begun_at IS 'When the first of them began.';
COMMENT ON COLUMN attempts.in_doubt IS 'Whether one of them may have been done without our knowing; so while one is under way.';
COMMENT ON COLUMN attempts.due_at IS 'When the next may begin; while one is under way: when it must have ended.';

CREATE INDEX attempts_due ON attempts (partition, destination, due_at);
COMMENT ON INDEX attempts_due IS 'What is to be tried next, of each destination.';

-- Writes what becomes of attempts, and what else a unit of work says of commands. Called in the statement that writes it,
-- which has made sure of the partitions.
--   p_attempts  [{command_id, tenant, partition, before (null: nothing is stored), after (null: nothing is stored from
--               now on), destination, begun_at, in_doubt, due_at}]
--   p_results   [{id, tenant, result}] of commands that were settled
--   p_postponed [{id, tenant, until}] of open commands
--   own SQLSTATEs: WF002 an attempt or a command is not as it was
CREATE FUNCTION wilco_attempt(p_attempts jsonb, p_results jsonb, p_postponed jsonb) RETURNS void
LANGUAGE plpgsql
AS $$
DECLARE
    done bigint;
    part bigint;
BEGIN
    INSERT INTO attempts (command_id, tenant, partition, destination, attempt, begun_at, in_doubt, due_at)
    SELECT n.command_id, n.tenant, n.partition, n.destination, n.after, n.begun_at, n.in_doubt, n.due_at
    FROM jsonb_to_recordset(p_attempts) AS n (
        command_id uuid, tenant text, partition smallint, before integer, after integer, destination text,
        begun_at timestamptz, in_doubt boolean, due_at timestamptz)
    WHERE n.before IS NULL
    ON CONFLICT DO NOTHING;
    GET DIAGNOSTICS done = ROW_COUNT;

    UPDATE attempts a
    SET attempt = n.after, destination = n.destination, begun_at = n.begun_at, in_doubt = n.in_doubt, due_at = n.due_at
    FROM jsonb_to_recordset(p_attempts) AS n (
        command_id uuid, tenant text, before integer, after integer, destination text, begun_at timestamptz,
        in_doubt boolean, due_at timestamptz)
    WHERE a.command_id = n.command_id AND a.tenant = n.tenant AND a.attempt = n.before AND n.after IS NOT NULL;
    GET DIAGNOSTICS part = ROW_COUNT;
    done := done + part;

    DELETE FROM attempts a
    USING jsonb_to_recordset(p_attempts) AS n (command_id uuid, tenant text, before integer, after integer)
    WHERE a.command_id = n.command_id AND a.tenant = n.tenant AND a.attempt = n.before AND n.after IS NULL;
    GET DIAGNOSTICS part = ROW_COUNT;
    IF done + part <> jsonb_array_length(p_attempts) THEN
        RAISE EXCEPTION 'an attempt is not where it was' USING ERRCODE = 'WF002';
    END IF;

    UPDATE commands c SET result = n.result
    FROM jsonb_to_recordset(p_results) AS n (id uuid, tenant text, result text)
    WHERE c.id = n.id AND c.tenant = n.tenant;

    UPDATE commands c SET not_before = n.until
    FROM jsonb_to_recordset(p_postponed) AS n (id uuid, tenant text, until timestamptz)
    WHERE c.id = n.id AND c.tenant = n.tenant AND c.status = 0;
    GET DIAGNOSTICS done = ROW_COUNT;
    IF done <> jsonb_array_length(p_postponed) THEN
        RAISE EXCEPTION 'a command is not open any more' USING ERRCODE = 'WF002';
    END IF;
END
$$;
COMMENT ON FUNCTION wilco_attempt IS 'Writes what becomes of attempts at activities.';

-- At the end, since this locks out whoever reads the table until the migration is committed.
ALTER TABLE commands ADD COLUMN result text;
COMMENT ON COLUMN commands.result IS 'What it gives beside the resource, a JSON object; null: nothing.';
