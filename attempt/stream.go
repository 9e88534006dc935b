package attempt

import (
	"bufio"
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"time"

	"switchyard"
	"switchyard/breaker"
	"switchyard/dialect"
	"switchyard/router"
)

// Stream is events of a provider that go on to the app as they come. It falls back only until its first byte. The
// caller reads it to its end or its error, and closes it; what it cost is booked then.
type Stream struct {
	Header  http.Header
	Attempt switchyard.Attempt // at its estimate; as it was booked once the stream is closed
	io.Reader
	close func(error) error // once
	told  breaker.Done

	err    error
	events events
}

// Close books the attempt: as paid if the events came to their end and none of them was a failure, else as possibly paid.
// Only now does the breaker hear how it went.
func (s *Stream) Close() error {
	defer func() { s.told(s.Attempt.Outcome, 0) }()
	return s.close(s.err)
}

// Read reads the events as they come. The error is io.EOF at their end, and else why they broke off.
func (s *Stream) Read(p []byte) (int, error) {
	n, err := s.Reader.Read(p)
	s.events.see(p[:n])
	if err != nil && s.err == nil {
		s.events.see([]byte("\n")) // the last line may have no end of its own
		s.err = err
	}
	return n, err
}

// stream asks for events, and hands them on from the first byte. An answer that is no stream is read as every other.
func (r *run) stream(ctx context.Context, c router.Candidate) (*Answer, error) {
	x, err := r.begin(ctx, c, part{request: c.Request, number: r.turn})
	if err != nil {
		return nil, err
	}
	return x.listen(ctx)
}

// listen sends the request and waits for the first byte of events.
func (x *exchange) listen(ctx context.Context) (ans *Answer, err error) {
	defer x.conclude(ctx, &ans, &err)
	work := ctx
	ctx, cancel := x.start(ctx)
	gone := x.job.Gone // a stream is cut when its app leaves
	if x.job.Kept {
		gone = nil
	}
	stop := context.AfterFunc(leaving{gone}, cancel)
	ctx, stall := context.WithCancelCause(ctx)
	end := func() { stop(); stall(nil); cancel() }
	defer func() {
		if ans == nil || ans.Stream == nil { // else it ends with its events
			end()
		}
	}()
	out, err := x.encode(nil)
	if err != nil {
		return nil, x.failure(err, switchyard.Unsent)
	}
	resp, err := x.roundTrip(ctx, out) //nolint:bodyclose // by the Stream, or by noStream
	if err != nil {
		return nil, err
	}
	if kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type")); resp.StatusCode != http.StatusOK || kind != "text/event-stream" {
		return x.noStream(ctx, out, resp, stall)
	}
	body := bufio.NewReaderSize(resp.Body, 32<<10)
	if _, err := body.Peek(1); err != nil {
		_ = resp.Body.Close()
		return nil, x.unread(ctx, err)
	}
	s := &Stream{Header: resp.Header, Reader: body, Attempt: *x.a}
	s.Attempt.Cost = x.a.Estimate
	s.events.counter, _ = x.dialect().(dialect.Counter)
	s.close = func(cause error) (err error) {
		defer x.free()
		end()
		_ = resp.Body.Close()
		s.Attempt, err = x.settle(work, func(a *switchyard.Attempt) { x.billStream(a, cause, &s.events) })
		return err
	}
	return &Answer{Target: x.c.Target, Fidelity: x.c.Fidelity, Stream: s, bodies: []io.Closer{s}}, nil
}

// noStream reads an answer that turned out to be no stream: a refusal, most often.
func (x *exchange) noStream(ctx context.Context, out *dialect.Outgoing, resp *http.Response, cancel context.CancelCauseFunc) (*Answer, error) {
	reply, err := x.receive(ctx, resp, cancel)
	if err != nil {
		return nil, err
	}
	x.reply = reply
	step, err := x.decode(out, reply)
	if err == nil && step.Result == nil {
		err = &switchyard.Error{Outcome: switchyard.BadReply, Err: errors.New("neither events nor a result")}
	}
	if err != nil {
		return nil, x.keep(x.failure(err, switchyard.Answered), reply)
	}
	return x.answer(ctx, step.Result, reply)
}

// billStream bills a stream that is over. Its images are not counted as they pass, so the figure is the estimate,
// unless its events say at their end what was used, or that the picture was withheld.
func (x *exchange) billStream(a *switchyard.Attempt, err error, seen *events) {
	a.Stage, a.Cost = switchyard.Answered, a.Estimate.Possible()
	cut := err == nil || errors.Is(err, context.Canceled) || !x.job.Kept && x.appLeft() // nobody read on, or we cut it
	switch {
	case errors.Is(err, io.EOF) && seen.complaint != nil:
		a.Outcome = x.refusal(seen.complaint).Outcome
	case errors.Is(err, io.EOF):
		a.Outcome, a.Images, a.Cost.Charge = switchyard.OK, x.request.Images, switchyard.ChargeSettled
		if seen.usage != nil {
			x.billUsage(a, seen)
		}
	case cut:
		a.Outcome = switchyard.Canceled
	case errors.Is(err, context.DeadlineExceeded):
		a.Outcome, a.Err = switchyard.Timeout, err
	default:
		a.Outcome, a.Err = switchyard.BadReply, err
	}
}

// billUsage bills a stream that is over by what it has told of its use. If it counts nothing for a picture, the estimate is not certain.
func (x *exchange) billUsage(a *switchyard.Attempt, seen *events) {
	used, cost, ok := x.counted(seen)
	if ok {
		a.Cost, x.usage = cost, used
		return
	}
	if e := x.filtered(seen); e != nil {
		a.Outcome, a.Images, a.Cost, x.usage = e.Outcome, 0, x.failed(e), e.Usage
	} else if used != nil && used.ImageOut <= 0 {
		a.Cost.Charge = switchyard.ChargePossible
	}
}

// leaving is a context that ends when the channel is closed.
type leaving struct{ gone <-chan struct{} }

func (leaving) Deadline() (time.Time, bool) { return time.Time{}, false }
func (leaving) Value(any) any               { return nil }
func (l leaving) Done() <-chan struct{}     { return l.gone }
func (l leaving) Err() error {
	select {
	case <-l.gone:
		return context.Canceled
	default:
		return nil
	}
}
