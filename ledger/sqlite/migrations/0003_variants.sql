-- The report of an experiment reads its own generations only. Few requests are part of one, and the others cost nothing.
CREATE INDEX generations_variant ON generations (variant) WHERE variant <> '';
