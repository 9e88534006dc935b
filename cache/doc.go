// Package cache keeps answers that have been paid for, for an app that asks for them once more: because it says so, by
// an Idempotency-Key, or because it has left before it got the first one, as SDKs do that time out and try again. Where an
// operator says so, whoever asks the same shares an answer for some time.
//
// A request claims its answer before anybody is paid for one. Under a key, or where answers are shared, one of those who
// ask the same makes it, and the others wait. Of those without a key each makes its own, but that one takes over what
// another has left, as soon as that is made, and nobody takes over what somebody still waits for. Those who wait find the
// answer where one finds it who comes later: in its file. There being none, the work came to nothing, and the next of them
// makes it anew.
package cache
