// Package cache keeps answers that have been paid for, for an app that asks for them once more: because it says so, by
// an Idempotency-Key, or because it has left before it got the first one, as SDKs do that time out and try again.
//
// While a generation runs it is a Flight. Whoever comes with the same key shares the flight; who comes with the same
// request without a key takes over a flight that its app has left, but never one that somebody still waits for. A flight
// that comes to nothing is forgotten, so that the next one is made anew. Where an operator says so, whoever asks the same
// shares an answer for some time.
package cache
