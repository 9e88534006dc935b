// Package breaker says which target may be tried now.
//
// A Registry holds, for each target, a circuit breaker and the time before which it must not be tried, and lives on
// through reloads. Switches are the kill switch: what an operator has stopped by hand. Neither sends anything or asks
// a provider how it is. They learn from the outcomes of real attempts alone, since a probe that makes a picture costs
// money.
package breaker
