-- What attempts and generations came to, by the minute, the quarter of an hour and the hour in which they started. Without
-- these, what dashboards ask for would take a walk over every row. Whatever changes a row changes its sums in the same
-- transaction. Spans and times are in nanoseconds, as everywhere. A column msN counts those that ended well in at most N
-- milliseconds, but in more than the column before it.

CREATE TABLE target_sums (
	span     BIGINT NOT NULL, -- a minute, 15 of them, or an hour
	at       BIGINT NOT NULL, -- when it began
	provider TEXT COLLATE "C" NOT NULL,
	target   TEXT COLLATE "C" NOT NULL,
	ended    BIGINT NOT NULL,
	ok       BIGINT NOT NULL,
	neither  BIGINT NOT NULL, -- filtered or canceled
	images   BIGINT NOT NULL,
	cost     BIGINT NOT NULL, -- known amounts
	possible BIGINT NOT NULL, -- the part of cost that may not have been charged
	unknown  BIGINT NOT NULL, -- how many cost what nobody knows
	busy     BIGINT NOT NULL, -- latencies of those that ended well, added up
	ms50 BIGINT NOT NULL, ms75 BIGINT NOT NULL, ms110 BIGINT NOT NULL, ms170 BIGINT NOT NULL,
	ms250 BIGINT NOT NULL, ms380 BIGINT NOT NULL, ms570 BIGINT NOT NULL, ms850 BIGINT NOT NULL,
	ms1300 BIGINT NOT NULL, ms1900 BIGINT NOT NULL, ms2900 BIGINT NOT NULL, ms4300 BIGINT NOT NULL,
	ms6500 BIGINT NOT NULL, ms9700 BIGINT NOT NULL, ms14600 BIGINT NOT NULL, ms22000 BIGINT NOT NULL,
	ms33000 BIGINT NOT NULL, ms49000 BIGINT NOT NULL, ms74000 BIGINT NOT NULL, ms111000 BIGINT NOT NULL,
	ms166000 BIGINT NOT NULL, ms249000 BIGINT NOT NULL, more BIGINT NOT NULL,
	PRIMARY KEY (span, at, provider, target)
);

CREATE TABLE route_sums (
	span     BIGINT NOT NULL, -- a minute, 15 of them, or an hour
	at       BIGINT NOT NULL, -- when it began
	route    TEXT COLLATE "C" NOT NULL,
	ended    BIGINT NOT NULL,
	ok       BIGINT NOT NULL,
	neither  BIGINT NOT NULL, -- filtered or canceled
	images   BIGINT NOT NULL,
	cost     BIGINT NOT NULL, -- known amounts
	possible BIGINT NOT NULL, -- the part of cost that may not have been charged
	unknown  BIGINT NOT NULL, -- how many cost what nobody knows
	busy     BIGINT NOT NULL, -- latencies of those that ended well, added up
	ms50 BIGINT NOT NULL, ms75 BIGINT NOT NULL, ms110 BIGINT NOT NULL, ms170 BIGINT NOT NULL,
	ms250 BIGINT NOT NULL, ms380 BIGINT NOT NULL, ms570 BIGINT NOT NULL, ms850 BIGINT NOT NULL,
	ms1300 BIGINT NOT NULL, ms1900 BIGINT NOT NULL, ms2900 BIGINT NOT NULL, ms4300 BIGINT NOT NULL,
	ms6500 BIGINT NOT NULL, ms9700 BIGINT NOT NULL, ms14600 BIGINT NOT NULL, ms22000 BIGINT NOT NULL,
	ms33000 BIGINT NOT NULL, ms49000 BIGINT NOT NULL, ms74000 BIGINT NOT NULL, ms111000 BIGINT NOT NULL,
	ms166000 BIGINT NOT NULL, ms249000 BIGINT NOT NULL, more BIGINT NOT NULL,
	PRIMARY KEY (span, at, route)
);
