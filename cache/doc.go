// Package cache keeps answers that have been paid for, for an app that asks for them once more: because it says so, by
// an Idempotency-Key, or because it has left before it got the first one, as SDKs do that time out and try again. Where an
// operator says so, whoever asks the same shares an answer for some time.
//
// A request claims its answer before anybody is paid for one. Under a key, or where answers are shared, one of those who
// ask the same makes the answer, and the others wait for it. Without a key each makes its own, but for one case: an answer
// whose app has left is taken over, as soon as it is made, by one other that asks the same. Nobody takes over what somebody
// still waits for.
//
// Those who wait find the answer in its file, as those do who come later. If there is no file, the work came to nothing, and
// the next in line makes the answer anew.
package cache
