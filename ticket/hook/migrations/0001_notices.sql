-- Times are nanoseconds since 1970, 0 for never. seq is the order of a ticket's notices, and never used twice.

CREATE TABLE ticket_notices (
	seq      INTEGER PRIMARY KEY AUTOINCREMENT,
	id       TEXT NOT NULL UNIQUE,
	ticket   TEXT NOT NULL,
	dialect  TEXT NOT NULL,
	tenant   TEXT NOT NULL,
	url      TEXT NOT NULL,
	event    TEXT NOT NULL,
	body     BLOB NOT NULL,
	created  INTEGER NOT NULL,
	attempts INTEGER NOT NULL DEFAULT 0,
	due      INTEGER NOT NULL DEFAULT 0,
	ended    INTEGER NOT NULL DEFAULT 0,
	outcome  TEXT NOT NULL DEFAULT '' CHECK (outcome IN ('', 'delivered', 'given up'))
) STRICT;
CREATE INDEX ticket_notices_open ON ticket_notices (ticket, seq) WHERE ended = 0;
CREATE INDEX ticket_notices_ended ON ticket_notices (ended) WHERE ended <> 0;
