-- Money is in whole nano-dollars, NULL where nobody knows the price. Times are in nanoseconds since 1970, durations
-- in nanoseconds; created_at is the same time, for people. Columns that answers are ordered by are ordered by bytes,
-- whatever locale the database has.

CREATE TABLE generations (
	id         TEXT COLLATE "C" PRIMARY KEY,
	epoch      TEXT NOT NULL,
	request_id TEXT NOT NULL,
	tenant     TEXT NOT NULL,
	key_name   TEXT NOT NULL,
	kind       TEXT NOT NULL,
	dialect    TEXT NOT NULL,
	path       TEXT NOT NULL,
	model      TEXT COLLATE "C" NOT NULL,
	route      TEXT COLLATE "C" NOT NULL,
	variant    TEXT COLLATE "C" NOT NULL,
	started    BIGINT NOT NULL,
	created_at TIMESTAMPTZ NOT NULL,
	latency    BIGINT NOT NULL,
	outcome    TEXT NOT NULL, -- empty while it runs
	target     TEXT COLLATE "C" NOT NULL,
	provider   TEXT COLLATE "C" NOT NULL,
	served     TEXT NOT NULL,
	attempts   INTEGER NOT NULL,
	asked      INTEGER NOT NULL,
	delivered  INTEGER NOT NULL,
	cost       BIGINT,
	basis      TEXT NOT NULL,
	charge     TEXT NOT NULL,
	fidelity   TEXT NOT NULL,
	prompt     TEXT NOT NULL,
	labels     JSONB NOT NULL,
	tier       TEXT COLLATE "C" NOT NULL -- the label "tier" of the virtual key, else of the request
);
CREATE INDEX generations_created ON generations (created_at);
CREATE INDEX generations_started ON generations (started);
CREATE INDEX generations_running ON generations (epoch) WHERE outcome = '';
CREATE INDEX generations_variant ON generations (variant) WHERE variant <> '';

CREATE TABLE attempts (
	id             TEXT COLLATE "C" NOT NULL,
	generation     TEXT COLLATE "C" NOT NULL,
	epoch          TEXT NOT NULL,
	number         INTEGER NOT NULL,
	part           INTEGER NOT NULL,
	target         TEXT COLLATE "C" NOT NULL,
	provider       TEXT COLLATE "C" NOT NULL,
	model          TEXT COLLATE "C" NOT NULL,
	started        BIGINT NOT NULL,
	created_at     TIMESTAMPTZ NOT NULL,
	latency        BIGINT NOT NULL,
	stage          INTEGER NOT NULL,
	outcome        TEXT NOT NULL, -- empty while it runs
	status         INTEGER NOT NULL,
	images         INTEGER NOT NULL,
	estimate       BIGINT,
	estimate_basis TEXT NOT NULL,
	cost           BIGINT,       -- while it runs: the estimate, charge possible
	basis          TEXT NOT NULL,
	charge         TEXT NOT NULL,
	job            TEXT NOT NULL,
	PRIMARY KEY (generation, id)
);

CREATE INDEX attempts_started ON attempts (started);
CREATE INDEX attempts_running ON attempts (epoch) WHERE outcome = '';

CREATE TABLE ratings (
	generation TEXT COLLATE "C" PRIMARY KEY,
	rating     TEXT NOT NULL CHECK (rating IN ('thumbs_up', 'thumbs_down')),
	rated_at   TIMESTAMPTZ NOT NULL,
	first      BIGINT GENERATED ALWAYS AS IDENTITY -- the order in which they were first given
);

-- How far each journal has been applied.
CREATE TABLE applied (
	journal TEXT PRIMARY KEY,
	idx     BIGINT NOT NULL
);

-- What people ask plain questions of. A generation that nobody answered counts against the provider that was tried
-- last. A label comes from a header, where an underscore is often not possible: so both spellings count.
CREATE VIEW generation_logs AS
SELECT
	g.id,
	COALESCE(g.labels ->> 'avatar_id', g.labels ->> 'avatar-id') AS avatar_id,
	COALESCE(g.labels ->> 'style_id', g.labels ->> 'style-id')   AS style_id,
	COALESCE(NULLIF(g.provider, ''),
		(SELECT a.provider FROM attempts a WHERE a.generation = g.id ORDER BY a.number DESC, a.part DESC LIMIT 1)) AS provider,
	g.latency / 1000000  AS generation_time,
	g.cost / 1000000000.0 AS cost,
	r.rating             AS user_rating,
	g.outcome = 'ok'     AS success,
	g.created_at         AS created_at
FROM generations g LEFT JOIN ratings r ON r.generation = g.id
WHERE g.outcome <> '' AND g.kind <> 'passthrough';
