-- Sets what a session is to have, and says what it has then.
--   $1 names  $2 values: arrays of the same length
-- What is acknowledged is on disk, even where the server's default is otherwise: a stricter one stays.
SELECT s.name, set_config(s.name, s.value, false)
FROM unnest($1::text[], $2::text[]) AS s (name, value)
WHERE s.name <> 'synchronous_commit' OR current_setting('synchronous_commit') = 'off'
