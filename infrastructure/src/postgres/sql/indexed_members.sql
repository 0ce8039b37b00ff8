-- The indexes of members that there are.
SELECT indexname::text FROM pg_indexes
WHERE schemaname = current_schema() AND tablename = 'views' AND indexname LIKE 'views\_by\_member\_%'
