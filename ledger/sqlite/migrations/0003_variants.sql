-- The report of an experiment reads its own generations only. Few requests are part of an experiment; the others are not
-- in the index, and cost nothing.
CREATE INDEX generations_variant ON generations (variant) WHERE variant <> '';
