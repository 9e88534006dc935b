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
	neither  INTEGER NOT NULL, -- filtered or canceled
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
	neither  INTEGER NOT NULL, -- filtered or canceled
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

INSERT INTO target_sums SELECT 60000000000, started / 60000000000 * 60000000000, provider, target,
	COUNT(*), COUNT(*) FILTER (WHERE outcome = 'ok'), COUNT(*) FILTER (WHERE outcome IN ('filtered', 'canceled')),
	SUM(images), COALESCE(SUM(cost), 0), COALESCE(SUM(cost) FILTER (WHERE charge = 'possible'), 0),
	COUNT(*) FILTER (WHERE cost IS NULL AND charge <> 'none'), COALESCE(SUM(latency) FILTER (WHERE outcome = 'ok'), 0),
	COUNT(*) FILTER (WHERE outcome = 'ok' AND latency <= 50000000),
	COUNT(*) FILTER (WHERE outcome = 'ok' AND latency > 50000000 AND latency <= 75000000),
	COUNT(*) FILTER (WHERE outcome = 'ok' AND latency > 75000000 AND latency <= 110000000),
	COUNT(*) FILTER (WHERE outcome = 'ok' AND latency > 110000000 AND latency <= 170000000),
	COUNT(*) FILTER (WHERE outcome = 'ok' AND latency > 170000000 AND latency <= 250000000),
	COUNT(*) FILTER (WHERE outcome = 'ok' AND latency > 250000000 AND latency <= 380000000),
	COUNT(*) FILTER (WHERE outcome = 'ok' AND latency > 380000000 AND latency <= 570000000),
	COUNT(*) FILTER (WHERE outcome = 'ok' AND latency > 570000000 AND latency <= 850000000),
	COUNT(*) FILTER (WHERE outcome = 'ok' AND latency > 850000000 AND latency <= 1300000000),
	COUNT(*) FILTER (WHERE outcome = 'ok' AND latency > 1300000000 AND latency <= 1900000000),
	COUNT(*) FILTER (WHERE outcome = 'ok' AND latency > 1900000000 AND latency <= 2900000000),
	COUNT(*) FILTER (WHERE outcome = 'ok' AND latency > 2900000000 AND latency <= 4300000000),
	COUNT(*) FILTER (WHERE outcome = 'ok' AND latency > 4300000000 AND latency <= 6500000000),
	COUNT(*) FILTER (WHERE outcome = 'ok' AND latency > 6500000000 AND latency <= 9700000000),
	COUNT(*) FILTER (WHERE outcome = 'ok' AND latency > 9700000000 AND latency <= 14600000000),
	COUNT(*) FILTER (WHERE outcome = 'ok' AND latency > 14600000000 AND latency <= 22000000000),
	COUNT(*) FILTER (WHERE outcome = 'ok' AND latency > 22000000000 AND latency <= 33000000000),
	COUNT(*) FILTER (WHERE outcome = 'ok' AND latency > 33000000000 AND latency <= 49000000000),
	COUNT(*) FILTER (WHERE outcome = 'ok' AND latency > 49000000000 AND latency <= 74000000000),
	COUNT(*) FILTER (WHERE outcome = 'ok' AND latency > 74000000000 AND latency <= 111000000000),
	COUNT(*) FILTER (WHERE outcome = 'ok' AND latency > 111000000000 AND latency <= 166000000000),
	COUNT(*) FILTER (WHERE outcome = 'ok' AND latency > 166000000000 AND latency <= 249000000000),
	COUNT(*) FILTER (WHERE outcome = 'ok' AND latency > 249000000000)
FROM attempts WHERE outcome <> '' GROUP BY started / 60000000000, provider, target;
INSERT INTO target_sums SELECT 900000000000, at / 900000000000 * 900000000000, provider, target,
	SUM(ended), SUM(ok), SUM(neither), SUM(images), SUM(cost), SUM(possible), SUM(unknown), SUM(busy), SUM(ms50),
	SUM(ms75), SUM(ms110), SUM(ms170), SUM(ms250), SUM(ms380), SUM(ms570), SUM(ms850), SUM(ms1300), SUM(ms1900),
	SUM(ms2900), SUM(ms4300), SUM(ms6500), SUM(ms9700), SUM(ms14600), SUM(ms22000), SUM(ms33000), SUM(ms49000),
	SUM(ms74000), SUM(ms111000), SUM(ms166000), SUM(ms249000), SUM(more)
FROM target_sums GROUP BY at / 900000000000, provider, target;
INSERT INTO target_sums SELECT 3600000000000, at / 3600000000000 * 3600000000000, provider, target,
	SUM(ended), SUM(ok), SUM(neither), SUM(images), SUM(cost), SUM(possible), SUM(unknown), SUM(busy), SUM(ms50),
	SUM(ms75), SUM(ms110), SUM(ms170), SUM(ms250), SUM(ms380), SUM(ms570), SUM(ms850), SUM(ms1300), SUM(ms1900),
	SUM(ms2900), SUM(ms4300), SUM(ms6500), SUM(ms9700), SUM(ms14600), SUM(ms22000), SUM(ms33000), SUM(ms49000),
	SUM(ms74000), SUM(ms111000), SUM(ms166000), SUM(ms249000), SUM(more)
FROM target_sums WHERE span = 60000000000 GROUP BY at / 3600000000000, provider, target;

INSERT INTO route_sums SELECT 60000000000, started / 60000000000 * 60000000000, route,
	COUNT(*), COUNT(*) FILTER (WHERE outcome = 'ok'), COUNT(*) FILTER (WHERE outcome IN ('filtered', 'canceled')),
	SUM(delivered), COALESCE(SUM(cost), 0), COALESCE(SUM(cost) FILTER (WHERE charge = 'possible'), 0),
	COUNT(*) FILTER (WHERE cost IS NULL AND charge <> 'none'), COALESCE(SUM(latency) FILTER (WHERE outcome = 'ok'), 0),
	COUNT(*) FILTER (WHERE outcome = 'ok' AND latency <= 50000000),
	COUNT(*) FILTER (WHERE outcome = 'ok' AND latency > 50000000 AND latency <= 75000000),
	COUNT(*) FILTER (WHERE outcome = 'ok' AND latency > 75000000 AND latency <= 110000000),
	COUNT(*) FILTER (WHERE outcome = 'ok' AND latency > 110000000 AND latency <= 170000000),
	COUNT(*) FILTER (WHERE outcome = 'ok' AND latency > 170000000 AND latency <= 250000000),
	COUNT(*) FILTER (WHERE outcome = 'ok' AND latency > 250000000 AND latency <= 380000000),
	COUNT(*) FILTER (WHERE outcome = 'ok' AND latency > 380000000 AND latency <= 570000000),
	COUNT(*) FILTER (WHERE outcome = 'ok' AND latency > 570000000 AND latency <= 850000000),
	COUNT(*) FILTER (WHERE outcome = 'ok' AND latency > 850000000 AND latency <= 1300000000),
	COUNT(*) FILTER (WHERE outcome = 'ok' AND latency > 1300000000 AND latency <= 1900000000),
	COUNT(*) FILTER (WHERE outcome = 'ok' AND latency > 1900000000 AND latency <= 2900000000),
	COUNT(*) FILTER (WHERE outcome = 'ok' AND latency > 2900000000 AND latency <= 4300000000),
	COUNT(*) FILTER (WHERE outcome = 'ok' AND latency > 4300000000 AND latency <= 6500000000),
	COUNT(*) FILTER (WHERE outcome = 'ok' AND latency > 6500000000 AND latency <= 9700000000),
	COUNT(*) FILTER (WHERE outcome = 'ok' AND latency > 9700000000 AND latency <= 14600000000),
	COUNT(*) FILTER (WHERE outcome = 'ok' AND latency > 14600000000 AND latency <= 22000000000),
	COUNT(*) FILTER (WHERE outcome = 'ok' AND latency > 22000000000 AND latency <= 33000000000),
	COUNT(*) FILTER (WHERE outcome = 'ok' AND latency > 33000000000 AND latency <= 49000000000),
	COUNT(*) FILTER (WHERE outcome = 'ok' AND latency > 49000000000 AND latency <= 74000000000),
	COUNT(*) FILTER (WHERE outcome = 'ok' AND latency > 74000000000 AND latency <= 111000000000),
	COUNT(*) FILTER (WHERE outcome = 'ok' AND latency > 111000000000 AND latency <= 166000000000),
	COUNT(*) FILTER (WHERE outcome = 'ok' AND latency > 166000000000 AND latency <= 249000000000),
	COUNT(*) FILTER (WHERE outcome = 'ok' AND latency > 249000000000)
FROM generations WHERE outcome <> '' AND kind <> 'passthrough' GROUP BY started / 60000000000, route;
INSERT INTO route_sums SELECT 900000000000, at / 900000000000 * 900000000000, route,
	SUM(ended), SUM(ok), SUM(neither), SUM(images), SUM(cost), SUM(possible), SUM(unknown), SUM(busy), SUM(ms50),
	SUM(ms75), SUM(ms110), SUM(ms170), SUM(ms250), SUM(ms380), SUM(ms570), SUM(ms850), SUM(ms1300), SUM(ms1900),
	SUM(ms2900), SUM(ms4300), SUM(ms6500), SUM(ms9700), SUM(ms14600), SUM(ms22000), SUM(ms33000), SUM(ms49000),
	SUM(ms74000), SUM(ms111000), SUM(ms166000), SUM(ms249000), SUM(more)
FROM route_sums GROUP BY at / 900000000000, route;
INSERT INTO route_sums SELECT 3600000000000, at / 3600000000000 * 3600000000000, route,
	SUM(ended), SUM(ok), SUM(neither), SUM(images), SUM(cost), SUM(possible), SUM(unknown), SUM(busy), SUM(ms50),
	SUM(ms75), SUM(ms110), SUM(ms170), SUM(ms250), SUM(ms380), SUM(ms570), SUM(ms850), SUM(ms1300), SUM(ms1900),
	SUM(ms2900), SUM(ms4300), SUM(ms6500), SUM(ms9700), SUM(ms14600), SUM(ms22000), SUM(ms33000), SUM(ms49000),
	SUM(ms74000), SUM(ms111000), SUM(ms166000), SUM(ms249000), SUM(more)
FROM route_sums WHERE span = 60000000000 GROUP BY at / 3600000000000, route;
