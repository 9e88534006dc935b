-- What a generation asked for, as far as rules can ask about it: other rules may be tried on it later. Older rows do
-- not have it.
ALTER TABLE generations ADD COLUMN shape TEXT NOT NULL DEFAULT '';
