package attempt

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"time"

	"switchyard"
	"switchyard/spool"
)

// Polls of a job begin close together and grow apart: each waits for an eighth of the time that the job has taken so far, so a picture
// arrives late by about that much.
const (
	firstPoll = 500 * time.Millisecond
	lastPoll  = 5 * time.Second // from forty seconds on

	// Those that are seconds apart keep a beat. The polls of many jobs are then made side by side, by a process that is awake;
	// each by itself costs twice as much, half of it for waking up.
	beat     = 250 * time.Millisecond
	fromBeat = 2 * time.Second
)

// wait lets some time go by before a poll, and more until it is this one's turn; it fails if the attempt's time is up or
// the app has left.
func (x *exchange) wait(ctx context.Context) error {
	pause := beforePoll(x.a.Started, x.now())
	if err := x.sleep(ctx, pause); err != nil {
		return err
	}
	pause, giveBack := x.Polls.Next(x.now())
	err := x.sleep(ctx, pause)
	if err != nil {
		giveBack(x.now())
	}
	return err
}

// offBeat sets a process apart from others whose clocks agree with its own, lest they all poll a provider at once.
var offBeat = rand.N(beat)

// beforePoll returns how long a job that began at started waits for its next poll.
func beforePoll(started, now time.Time) time.Duration {
	pause := min(max(now.Sub(started)/8, firstPoll), lastPoll)
	pause += time.Duration(rand.Int64N(int64(pause)/4 + 1)) // so that jobs begun together are not all polled together
	if pause >= fromBeat {
		at := now.Add(pause + offBeat)
		pause += beat - at.Sub(at.Truncate(beat))
	}
	return pause
}

func (x *exchange) sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	if x.timer == nil {
		x.timer = time.NewTimer(d)
	} else {
		x.timer.Reset(d)
	}
	defer x.timer.Stop()
	select {
	case <-x.timer.C:
		return nil
	case <-x.job.Gone:
		return x.failure(&switchyard.Error{Outcome: switchyard.Canceled, Err: errors.New("the app has left")}, switchyard.Sent)
	case <-ctx.Done():
		return x.failure(ctx.Err(), switchyard.Sent)
	}
}

// asksAgain reports whether a failed exchange was only a question about a job that the provider has accepted, and may be
// put once more: the job is not lost by it, and is never submitted again.
func (x *exchange) asksAgain(ctx context.Context, reply *spool.Message, err error) bool {
	e := switchyard.AsError(err)
	switch {
	case x.a.Job == "" || e.Ended || e.Outcome == switchyard.Canceled:
		return false
	case reply != nil && reply.Status < 500 && reply.Status != http.StatusTooManyRequests:
		return false // it will be the same the next time
	}
	if x.wait(ctx) != nil {
		return false
	}
	x.drop()
	return true
}
