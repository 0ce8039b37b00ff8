-- Lists of the views that show a member of this name, whatever their type. Views without it are not in it.
CREATE INDEX IF NOT EXISTS "views_by_member_{member}" ON views ((payload ->> '{member}') COLLATE "C", view_id)
WHERE NOT gone AND payload ->> '{member}' IS NOT NULL
