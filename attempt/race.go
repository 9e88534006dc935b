package attempt

import (
	"context"
	"time"

	"switchyard"
	"switchyard/router"
)

// hedges reports whether a second target may race the first of queue. A stream may not be hedged: its events cannot be taken
// back once the app has seen one. Nor may a ticket that the next process goes on with, since that asks for the jobs of one
// target only.
func (r *run) hedges(queue []router.Candidate) bool {
	return r.job.Hedging != nil && !r.raced && len(queue) > 1 && !r.job.Resumes && !queue[0].Request.Stream
}

// race asks the first target of queue and, if that takes long, the next one as well. The first to have pictures serves; if one
// fails, the other gets all the time there is. The loser is treated as if its app had left: a picture that is being made is
// awaited and booked, a job is cancelled. If both fail, rest is the targets that have not had a turn.
func (r *run) race(ctx context.Context, queue []router.Candidate, allow allow) (ans *Answer, rest []router.Candidate, err error) {
	first := r.leg(ctx, queue[:1], allow, nil)
	if first.over(r.job.Hedging.After) || !r.job.Hedging.Take() {
		<-first.done
		r.adopt(first)
		return first.ans, queue[1:], first.err
	}
	r.raced = true
	second := r.leg(ctx, queue[1:], allow, r.job.Hedging)
	defer func() { r.report.Hedged = second.asked() }()
	winner, loser := first, second
	select {
	case <-first.done:
	case <-second.done:
		winner, loser = second, first
	}
	if winner.err == nil {
		r.adopt(winner)
		r.letRun(loser)
		return winner.ans, nil, nil
	}
	<-loser.done
	r.adopt(winner)
	r.adopt(loser)
	switch last := loser; {
	case last.err == nil:
		Forget(winner.err)
		return last.ans, nil, nil
	case !notTried(winner.err) && !r.goOn(ctx, winner.err): // no other target is to be asked, just as without a race
		Forget(last.err)
		return nil, nil, winner.err
	case notTried(winner.err) && notTried(last.err):
		return nil, queue[1+second.used:], sooner(winner.err, last.err)
	case notTried(last.err): // the other was asked, and has more to say
		return nil, queue[1+second.used:], winner.err
	default:
		Forget(winner.err)
		return nil, queue[1+second.used:], last.err
	}
}

// leg is one of the two that race. They share nothing but the count of targets.
type leg struct {
	*run
	lose context.CancelFunc // from then on, nobody waits for it
	done chan struct{}      // closed when it is over, and the rest is known
	used int                // how many of its queue have had their turn
	ans  *Answer
	err  error

	credit *router.Hedging // that the second one has taken; nil for the first
}

// leg begins with the first of queue that a breaker and the limits let through. Credit is returned if they let nobody through.
func (r *run) leg(ctx context.Context, queue []router.Candidate, allow allow, credit *router.Hedging) *leg {
	gone, lose := context.WithCancel(leaving{r.job.Gone})
	job := *r.job
	job.Gone = gone.Done()
	l := &leg{
		run:  &run{Runner: r.Runner, job: &job, numbers: r.numbers, report: &Report{}},
		lose: lose, done: make(chan struct{}), credit: credit,
	}
	keep := func() {}
	if job.Message != nil {
		keep = job.Message.Body.Keep() // a loser may be sending it when the app has its answer
	}
	go func() {
		defer close(l.done)
		defer l.refund()
		defer lose()
		defer keep()
		defer l.survive(&l.err)
		var shut error
		for l.used < len(queue) {
			c := queue[l.used]
			l.used++
			if l.ans, l.err = l.target(ctx, c, allow); l.err == nil || !notTried(l.err) {
				return
			}
			shut = sooner(shut, l.err)
		}
		l.err = shut
	}()
	return l
}

// refund gives back the credit of a second one that came to ask nobody.
func (l *leg) refund() {
	if l.credit != nil && !l.asked() {
		l.credit.Return()
	}
}

// asked reports whether a request to a provider was begun.
func (l *leg) asked() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.open)+len(l.report.Attempts) > 0
}

// over waits for the end of a leg, at most for d, and reports whether it came.
func (l *leg) over(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-l.done:
		return true
	case <-timer.C:
		return false
	}
}

// adopt takes over what a leg has done that is over.
func (r *run) adopt(l *leg) {
	r.report.Attempts = append(r.report.Attempts, l.report.Attempts...)
	r.report.Passed = append(r.report.Passed, l.report.Passed...)
	r.fetched = append(r.fetched, l.fetched...)
	r.full = r.full || l.full
}

// letRun lets a leg end by itself. From then on only the one who books it waits for it.
func (r *run) letRun(l *leg) {
	l.lose()
	l.mu.Lock()
	r.report.Open = append(r.report.Open, l.report.Attempts...)
	for _, x := range l.open {
		r.report.Open = append(r.report.Open, x.possible())
	}
	l.mu.Unlock()
	r.report.Rest = func() []switchyard.Attempt {
		<-l.done
		if l.ans != nil {
			l.ans.Close()
		}
		Forget(l.err)
		closeAll(l.fetched)
		return l.report.Attempts
	}
}

// possible returns an attempt that is under way, at what it may cost. The attempt goes on meanwhile, so this reads only what
// never changes of it.
func (x *exchange) possible() switchyard.Attempt {
	return switchyard.Attempt{
		ID: x.a.ID, Generation: x.a.Generation, Number: x.a.Number, Part: x.a.Part, Target: x.a.Target, Provider: x.a.Provider,
		Model: x.a.Model, Started: x.a.Started, Estimate: x.a.Estimate, Cost: x.a.Estimate.Possible(),
	}
}
