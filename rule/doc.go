// Package rule compiles and runs the expressions of config.yaml: the "when" of routes and of alerts, and the "unit" of
// experiments.
//
// They are CEL, checked when the file is loaded: a wrong field, a wrong type and a result that is no bool are errors with
// line and column. The variables are request, headers, query, key and estimate_usd; Facts says where each comes from. A
// rule reads what it asks for straight from the Facts, so that a request pays only for what its rules mention. Text
// equalities are evaluated without CEL. A rule also says which equalities it needs: somebody with many rules can look up
// the few that may match.
//
// The conditions of alerts have variables of their own, which are doubles, and are evaluated over Readings. What is not
// known is unknown in them: neither true nor false.
//
// The length of an expression is bounded, and so is its work: without a loop the work is bounded by the length, and an
// expression with a loop (exists, all, map, filter) has a budget.
package rule
