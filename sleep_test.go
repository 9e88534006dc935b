package switchyard_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"switchyard"
)

func TestSleep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		if !switchyard.Sleep(t.Context(), time.Hour) || time.Since(began) != time.Hour {
			t.Errorf("an hour took %v", time.Since(began))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if !switchyard.Sleep(ctx, 0) {
			t.Error("there is time for nothing")
		}
		began = time.Now()
		if switchyard.Sleep(ctx, time.Hour) || time.Since(began) != time.Minute {
			t.Errorf("a context of a minute had %v", time.Since(began))
		}
		if switchyard.Sleep(ctx, 0) {
			t.Error("a context that is over has time left")
		}
	})
}

func TestPausesGrow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pauses := switchyard.Growing(time.Second, 3*time.Second)
		for i, want := range []time.Duration{time.Second, 2 * time.Second, 3 * time.Second, 3 * time.Second} {
			if began := time.Now(); !pauses.Sleep(t.Context()) || time.Since(began) != want {
				t.Errorf("pause %d took %v, want %v", i+1, time.Since(began), want)
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if pauses.Sleep(ctx) {
			t.Error("a context of a second had three of them")
		}
	})
}
