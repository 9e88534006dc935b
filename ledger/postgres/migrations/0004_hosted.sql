-- Names of the images that are hosted for a generation, separated by spaces. Older rows do not have them.
ALTER TABLE generations ADD COLUMN hosted TEXT NOT NULL DEFAULT '';
