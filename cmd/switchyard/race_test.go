//go:build race

package main

// raceEnabled is whether the race detector runs, which takes several times the memory and time.
const raceEnabled = true
