-- How a resource's client and a command's client find what belongs to it. The twin of the PostgreSQL migration of this
-- number.

-- What was asked of an aggregate and has not succeeded: open, failed or cancelled. Nearly all commands succeed at once and
-- are never in it.
CREATE INDEX commands_unfinished ON commands (tenant, target, command_type, accepted_at DESC) WHERE status <> 1;

-- What a command led to.
CREATE INDEX commands_by_cause ON commands (caused_by, accepted_at, id) WHERE caused_by IS NOT NULL;
