-- Money is in whole nano-dollars, NULL where nobody knows the price. Times are in nanoseconds since 1970, durations
-- in nanoseconds; created_at is the same time, for people and for SQLite's own date functions.

CREATE TABLE generations (
	id         TEXT PRIMARY KEY,
	epoch      TEXT NOT NULL,
	request_id TEXT NOT NULL,
	tenant     TEXT NOT NULL,
	key_name   TEXT NOT NULL,
	kind       TEXT NOT NULL,
	dialect    TEXT NOT NULL,
	path       TEXT NOT NULL,
	model      TEXT NOT NULL,
	route      TEXT NOT NULL,
	variant    TEXT NOT NULL,
	started    INTEGER NOT NULL,
	created_at TEXT NOT NULL,
	latency    INTEGER NOT NULL,
	outcome    TEXT NOT NULL, -- empty while it runs
	target     TEXT NOT NULL,
	provider   TEXT NOT NULL,
	served     TEXT NOT NULL,
	attempts   INTEGER NOT NULL,
	asked      INTEGER NOT NULL,
	delivered  INTEGER NOT NULL,
	cost       INTEGER,
	basis      TEXT NOT NULL,
	charge     TEXT NOT NULL,
	fidelity   TEXT NOT NULL,
	prompt     TEXT NOT NULL,
	labels     TEXT NOT NULL  -- a JSON object
) STRICT;
CREATE INDEX generations_created ON generations (created_at);
CREATE INDEX generations_started ON generations (started);
CREATE INDEX generations_running ON generations (epoch) WHERE outcome = '';

CREATE TABLE attempts (
	id             TEXT PRIMARY KEY,
	generation     TEXT NOT NULL,
	epoch          TEXT NOT NULL,
	number         INTEGER NOT NULL,
	part           INTEGER NOT NULL,
	target         TEXT NOT NULL,
	provider       TEXT NOT NULL,
	model          TEXT NOT NULL,
	started        INTEGER NOT NULL,
	created_at     TEXT NOT NULL,
	latency        INTEGER NOT NULL,
	stage          INTEGER NOT NULL,
	outcome        TEXT NOT NULL, -- empty while it runs
	status         INTEGER NOT NULL,
	images         INTEGER NOT NULL,
	estimate       INTEGER,
	estimate_basis TEXT NOT NULL,
	cost           INTEGER,       -- while it runs: the estimate, charge possible
	basis          TEXT NOT NULL,
	charge         TEXT NOT NULL,
	job            TEXT NOT NULL
) STRICT;
CREATE INDEX attempts_generation ON attempts (generation);
CREATE INDEX attempts_started ON attempts (started);
CREATE INDEX attempts_running ON attempts (epoch) WHERE outcome = '';

CREATE TABLE ratings (
	generation TEXT PRIMARY KEY,
	rating     TEXT NOT NULL CHECK (rating IN ('thumbs_up', 'thumbs_down')),
	rated_at   TEXT NOT NULL
) STRICT;

-- How far each journal has been applied.
CREATE TABLE applied (
	journal TEXT PRIMARY KEY,
	idx     INTEGER NOT NULL
) STRICT;

-- What people ask plain questions of. A generation that nobody answered counts against the provider that was tried
-- last. A label comes from a header, where an underscore is often not possible: so both spellings count.
CREATE VIEW generation_logs AS
SELECT
	g.id,
	COALESCE(json_extract(g.labels, '$.avatar_id'), json_extract(g.labels, '$."avatar-id"')) AS avatar_id,
	COALESCE(json_extract(g.labels, '$.style_id'), json_extract(g.labels, '$."style-id"'))   AS style_id,
	COALESCE(NULLIF(g.provider, ''),
		(SELECT a.provider FROM attempts a WHERE a.generation = g.id ORDER BY a.number DESC, a.part DESC LIMIT 1)) AS provider,
	g.latency / 1000000  AS generation_time,
	g.cost / 1e9         AS cost,
	r.rating             AS user_rating,
	g.outcome = 'ok'     AS success,
	g.created_at         AS created_at
FROM generations g LEFT JOIN ratings r ON r.generation = g.id
WHERE g.outcome <> '' AND g.kind <> 'passthrough';
