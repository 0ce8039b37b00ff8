-- Writes views that are there already under the same status, each unless as new a one is there. The index of statuses
-- is not touched, and with it one page less for each view.
--   rows: view_id, version, payload, status, gone
UPDATE views
SET version = n.column2, payload = n.column3
FROM (VALUES rows) AS n
WHERE views.view_id = n.column1 AND views.version < n.column2 AND views.status = n.column4 AND views.gone = n.column5
