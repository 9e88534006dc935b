// Package limit bounds how much leaves for a provider, a target or on behalf of a key: requests and images by time, and
// requests under way at once. Money is a limit too, and will come to live here.
//
// A Registry makes callers wait, at most for their route's patience, and first come is first served. It starts no
// goroutine: whoever waits, waits in its own.
package limit
