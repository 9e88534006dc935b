-- The kind of customer: the label "tier" of the virtual key, which older rows do not have, else that of the request.
ALTER TABLE generations ADD COLUMN tier TEXT NOT NULL DEFAULT '';
UPDATE generations SET tier = COALESCE(json_extract(labels, '$.tier'), '') WHERE labels <> '{}';
