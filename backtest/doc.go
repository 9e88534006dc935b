// Package backtest tries a config on requests that were made under another one, before anybody depends on it.
//
// Each recorded generation is planned for anew, by its shape. What its targets would have done is drawn from what each of
// them did in that time: whether it made pictures, how long it took, what a failure cost. Prices are those of the new
// config. The draws are repeated, each time from targets' records that are themselves drawn anew with replacement (the
// bootstrap: Efron, Bootstrap methods, 1979), so that every figure has an interval.
//
// It knows nothing of limits, breakers, hedges and kills. It also assumes that targets behave as they did, even if they would
// have had much more to do.
package backtest
