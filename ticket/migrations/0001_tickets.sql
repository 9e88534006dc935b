-- Times are nanoseconds since 1970, 0 for never. version counts the changes of a row.

CREATE TABLE tickets (
	id         TEXT PRIMARY KEY,
	tenant     TEXT NOT NULL,
	dialect    TEXT NOT NULL,
	model      TEXT NOT NULL,
	generation TEXT NOT NULL,
	state      TEXT NOT NULL CHECK (state IN ('accepted', 'sending', 'held', 'done')),
	owner      TEXT NOT NULL,
	lease      INTEGER NOT NULL,
	target     TEXT NOT NULL,
	job        TEXT NOT NULL,
	created    INTEGER NOT NULL,
	started    INTEGER NOT NULL,
	completed  INTEGER NOT NULL,
	expires    INTEGER NOT NULL,
	outcome    TEXT NOT NULL,
	cancel     INTEGER NOT NULL,
	version    INTEGER NOT NULL,
	request    BLOB,
	result     BLOB
) STRICT;
CREATE INDEX tickets_tenant ON tickets (tenant, dialect, created, id);
CREATE INDEX tickets_open ON tickets (owner, lease) WHERE state <> 'done';
CREATE INDEX tickets_expires ON tickets (expires) WHERE state = 'done';
