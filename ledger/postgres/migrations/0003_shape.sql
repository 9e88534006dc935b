-- What other rules may be tried on, of what a generation asked for. Older rows do not have it.
ALTER TABLE generations ADD COLUMN shape TEXT NOT NULL DEFAULT '';
