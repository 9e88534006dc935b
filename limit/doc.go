// Package limit bounds how much leaves for a provider, a target or on behalf of a key: requests and images by time,
// requests under way at once, and money.
//
// A Registry makes callers wait, at most for their route's patience, and first come is first served. It starts no
// goroutine: whoever waits, waits in its own. Budgets make nobody wait: what is spent does not come back. Turns spread
// over time what costs nothing but must not come all at once: questions about jobs.
package limit
