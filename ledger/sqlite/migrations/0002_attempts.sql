-- One index finds an attempt by its id, and also the attempts of a generation. Ids are random: each index over them costs
-- every new row a page on disk that nothing else would write.

DROP VIEW generation_logs; -- it would keep the table from being renamed

CREATE TABLE attempts_by_generation (
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

INSERT INTO attempts_by_generation SELECT * FROM attempts;
DROP TABLE attempts;
ALTER TABLE attempts_by_generation RENAME TO attempts;
CREATE INDEX attempts_started ON attempts (started);
CREATE INDEX attempts_running ON attempts (epoch) WHERE outcome = '';

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
