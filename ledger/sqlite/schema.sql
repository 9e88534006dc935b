-- The tables of a new file: the same as all the migrations make together. Money is in whole nano-dollars, NULL where nobody
-- knows the price. Times are in nanoseconds since 1970, durations in nanoseconds; created_at is the same time, for people and
-- for SQLite's own date functions.

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
	labels     TEXT NOT NULL, -- a JSON object
	tier       TEXT NOT NULL DEFAULT '', -- the kind of customer: the label "tier" of the virtual key, else that of the request
	shape      TEXT NOT NULL DEFAULT '', -- what other rules may be tried on, of what it asked for
	hosted     TEXT NOT NULL DEFAULT ''  -- names of the images that are hosted for it, separated by spaces
) STRICT;
CREATE INDEX generations_created ON generations (created_at);
CREATE INDEX generations_started ON generations (started);
CREATE INDEX generations_running ON generations (epoch) WHERE outcome = '';
-- The report of an experiment reads its own generations only. Few requests are part of an experiment; the others are not in the
-- index, and cost nothing.
CREATE INDEX generations_variant ON generations (variant) WHERE variant <> '';

-- One index finds an attempt by its id, and also the attempts of a generation. Ids are random: each index over them costs every
-- new row a page on disk that nothing else would write.
CREATE TABLE attempts (
	id             TEXT NOT NULL,
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
	job            TEXT NOT NULL,
	PRIMARY KEY (generation, id)
) STRICT;
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

-- What people ask plain questions of. A generation that nobody answered counts against the provider that was tried last. A
-- label comes from a header, where an underscore is often not possible: so both spellings count.
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

-- What attempts and generations came to, by the minute, the quarter of an hour and the hour in which they started. Without
-- these, what dashboards ask for would take a walk over every row. Whatever changes a row changes its sums in the same
-- transaction. Spans and times are in nanoseconds, as everywhere. A column msN counts those that ended well in at most N
-- milliseconds, but in more than the column before it.

CREATE TABLE target_sums (
	span     INTEGER NOT NULL, -- a minute, 15 of them, or an hour
	at       INTEGER NOT NULL, -- when it began
	provider TEXT NOT NULL,
	target   TEXT NOT NULL,
	ended    INTEGER NOT NULL,
	ok       INTEGER NOT NULL,
	neither  INTEGER NOT NULL, -- filtered, canceled or refused
	images   INTEGER NOT NULL,
	cost     INTEGER NOT NULL, -- known amounts
	possible INTEGER NOT NULL, -- the part of cost that may not have been charged
	unknown  INTEGER NOT NULL, -- how many cost what nobody knows
	busy     INTEGER NOT NULL, -- latencies of those that ended well, added up
	ms50 INTEGER NOT NULL, ms75 INTEGER NOT NULL, ms110 INTEGER NOT NULL, ms170 INTEGER NOT NULL,
	ms250 INTEGER NOT NULL, ms380 INTEGER NOT NULL, ms570 INTEGER NOT NULL, ms850 INTEGER NOT NULL,
	ms1300 INTEGER NOT NULL, ms1900 INTEGER NOT NULL, ms2900 INTEGER NOT NULL, ms4300 INTEGER NOT NULL,
	ms6500 INTEGER NOT NULL, ms9700 INTEGER NOT NULL, ms14600 INTEGER NOT NULL, ms22000 INTEGER NOT NULL,
	ms33000 INTEGER NOT NULL, ms49000 INTEGER NOT NULL, ms74000 INTEGER NOT NULL, ms111000 INTEGER NOT NULL,
	ms166000 INTEGER NOT NULL, ms249000 INTEGER NOT NULL, more INTEGER NOT NULL,
	PRIMARY KEY (span, at, provider, target)
) STRICT, WITHOUT ROWID;

CREATE TABLE route_sums (
	span     INTEGER NOT NULL, -- a minute, 15 of them, or an hour
	at       INTEGER NOT NULL, -- when it began
	route    TEXT NOT NULL,
	ended    INTEGER NOT NULL,
	ok       INTEGER NOT NULL,
	neither  INTEGER NOT NULL, -- filtered, canceled or refused
	images   INTEGER NOT NULL,
	cost     INTEGER NOT NULL, -- known amounts
	possible INTEGER NOT NULL, -- the part of cost that may not have been charged
	unknown  INTEGER NOT NULL, -- how many cost what nobody knows
	busy     INTEGER NOT NULL, -- latencies of those that ended well, added up
	ms50 INTEGER NOT NULL, ms75 INTEGER NOT NULL, ms110 INTEGER NOT NULL, ms170 INTEGER NOT NULL,
	ms250 INTEGER NOT NULL, ms380 INTEGER NOT NULL, ms570 INTEGER NOT NULL, ms850 INTEGER NOT NULL,
	ms1300 INTEGER NOT NULL, ms1900 INTEGER NOT NULL, ms2900 INTEGER NOT NULL, ms4300 INTEGER NOT NULL,
	ms6500 INTEGER NOT NULL, ms9700 INTEGER NOT NULL, ms14600 INTEGER NOT NULL, ms22000 INTEGER NOT NULL,
	ms33000 INTEGER NOT NULL, ms49000 INTEGER NOT NULL, ms74000 INTEGER NOT NULL, ms111000 INTEGER NOT NULL,
	ms166000 INTEGER NOT NULL, ms249000 INTEGER NOT NULL, more INTEGER NOT NULL,
	PRIMARY KEY (span, at, route)
) STRICT, WITHOUT ROWID;
