package breaker_test

import (
	"errors"
	"fmt"
	"time"

	"switchyard"
	"switchyard/breaker"
)

// A target is tried only if its breaker allows it, and the breaker learns how the attempt ended.
func ExampleRegistry() {
	var r breaker.Registry
	r.Configure(map[string]breaker.Config{"flux": {Failures: 2, Window: time.Minute, Cooldown: 30 * time.Second}})

	for range 3 {
		done, err := r.Allow("flux")
		if err != nil {
			fmt.Println("next target:", errors.Is(err, breaker.ErrOpen))
			return
		}
		fmt.Println("overloaded")
		done(switchyard.Overloaded, 0)
	}
	// Output:
	// overloaded
	// overloaded
	// next target: true
}

// What a provider asks for is kept even by a breaker that is closed, or off.
func ExampleDone() {
	var r breaker.Registry
	done, err := r.Allow("google-image")
	if err != nil {
		fmt.Println(err)
		return
	}
	done(switchyard.RateLimited, time.Minute)

	_, err = r.Allow("google-image")
	fmt.Println(r.State("google-image").Phase, switchyard.AsError(err).RetryAfter.Round(time.Second))
	// Output: closed 1m0s
}

// Somebody saw wrong pictures and takes the provider out.
func ExampleSwitches() {
	var s breaker.Switches
	if err := s.Set(breaker.Kill{Scope: breaker.Provider, Name: "fal", Reason: "wrong faces"}); err != nil {
		fmt.Println(err)
	}
	kill, stopped := s.Stopped("pro", "fal", "flux")
	fmt.Println(stopped, kill.Reason)
	// Output: true wrong faces
}
