-- Signals that were handled.
--   rows: source, offset, address
DELETE FROM signals WHERE (source, "offset", address) IN (SELECT * FROM (VALUES rows) WHERE column1 IS NOT NULL)
