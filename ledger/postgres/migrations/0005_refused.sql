-- A refused attempt counts neither for nor against the provider or route, just as a filtered or canceled one does:
-- see the column neither.

UPDATE target_sums SET neither = neither + r.refused
FROM (
	SELECT s.span, started / s.span * s.span AS at, provider, target, COUNT(*) AS refused
	FROM attempts, (SELECT DISTINCT span FROM target_sums) AS s WHERE outcome = 'refused' GROUP BY 1, 2, 3, 4
) AS r
WHERE target_sums.span = r.span AND target_sums.at = r.at AND target_sums.provider = r.provider AND target_sums.target = r.target;

UPDATE route_sums SET neither = neither + r.refused
FROM (
	SELECT s.span, started / s.span * s.span AS at, route, COUNT(*) AS refused
	FROM generations, (SELECT DISTINCT span FROM route_sums) AS s WHERE kind <> 'passthrough' AND outcome = 'refused' GROUP BY 1, 2, 3
) AS r
WHERE route_sums.span = r.span AND route_sums.at = r.at AND route_sums.route = r.route;
