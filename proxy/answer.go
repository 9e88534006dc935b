package proxy

import (
	"cmp"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"switchyard"
	"switchyard/attempt"
	"switchyard/breaker"
	"switchyard/dialect"
	"switchyard/spool"
)

// idHeader has the id of the generation that an answer is of.
const idHeader = "X-Switchyard-Id"

// head puts what we have to say of a generation into the answer's headers.
func (q *request) head() {
	h := q.w.Header()
	h.Set(idHeader, q.rec.ID)
	if q.snap.Settings.Hide {
		return
	}
	set := func(name, value string) {
		if value != "" {
			h.Set("X-Switchyard-"+name, value)
		}
	}
	q.rec.heads(set)
	for name, value := range q.ended {
		set(name, value)
	}
	h.Set("Server-Timing", "total;dur="+strconv.FormatFloat(float64(q.now().Sub(q.rec.Started))/float64(time.Millisecond), 'f', 1, 64))
}

// heads sets what the headers of an answer say of a generation; their names without what all of them begin with.
func (r *Record) heads(set func(name, value string)) {
	set("Route", r.Route)
	set("Variant", r.Variant)
	set("Target", r.Target)
	set("Provider", r.Provider)
	set("Model", r.Served)
	set("Fidelity", r.Fidelity)
	if r.Kind == KindGeneration {
		set("Attempts", strconv.Itoa(r.Tried()))
		set("Cost-Usd", costText(r.Cost))
		set("Cost-Basis", string(r.Cost.Basis))
		set("Cache", cmp.Or(r.Cache, "off"))
	}
}

// errHalf is the error of an answer whose head has gone out, and whose body has not, or not all of it.
var errHalf = errors.New("answer broke off")

// send gives the app a reply whose body is there whole. If it errs with errHalf the connection must be cut.
func (q *request) send(reply *dialect.Reply) error {
	h := q.w.Header()
	maps.Copy(h, reply.Header)
	h.Set("Content-Length", strconv.FormatInt(reply.Body.Len(), 10))
	q.snap.Settings.cors(h, q.r)
	body, err := reply.Body.Open()
	if err != nil {
		return &switchyard.Error{Kind: switchyard.Internal, Err: err}
	}
	defer body.Close()
	q.w.WriteHeader(reply.Status)
	if _, err := io.Copy(q.w, body); err != nil {
		q.rec.Err = err
		return errHalf
	}
	return nil
}

// abortHalf cuts the connection after half an answer, which must not look like a whole one.
func abortHalf(err error) error {
	if errors.Is(err, errHalf) {
		panic(http.ErrAbortHandler)
	}
	return err
}

// write is send for an answer that is kept for nobody: if it breaks off, so does the connection.
func (q *request) write(reply *dialect.Reply) error { return abortHalf(q.send(reply)) }

// relay hands a provider's events on as they come. Once the app has left they go on only if they are taped. sent is why
// they did not all reach the app, err why they were not read to their end; nil if they were.
func (q *request) relay(ans *attempt.Answer, t *tape) (sent, err error) {
	q.head()
	h := q.w.Header()
	maps.Copy(h, answerHeader(ans.Stream.Header))
	t.begin(h)
	q.snap.Settings.cors(h, q.r)
	control := http.NewResponseController(q.w)
	q.w.WriteHeader(http.StatusOK)
	buf := make([]byte, 32<<10)
	for {
		n, end := ans.Stream.Read(buf)
		t.add(buf[:n])
		if n > 0 && sent == nil {
			_, sent = q.w.Write(buf[:n])
			_ = control.Flush()
		}
		switch {
		case sent != nil && t == nil:
			return sent, sent
		case errors.Is(end, io.EOF):
			return sent, nil
		case end != nil:
			return sent, end
		}
	}
}

// cutOff breaks off a stream that did not come to its end, so that the app notices.
func cutOff(err error) error {
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	return nil
}

// refuse answers with an error, in the app's dialect. It is the only place where an error becomes a status.
func (q *request) refuse(err error) {
	var own *attempt.Failure
	if errors.As(err, &own) {
		defer own.Close()
		q.head()
		if q.write(&dialect.Reply{Status: own.Raw.Status, Header: answerHeader(own.Raw.Header), Body: own.Raw.Body}) != nil {
			panic(http.ErrAbortHandler) // else it would be an empty 200
		}
		return
	}
	if q.place.dialect == nil {
		q.nowhere(err)
		return
	}
	e := *switchyard.AsError(err)
	if e.Outcome != "" { // of an attempt: nothing of the inside goes out
		e.Detail, e.Param = "", ""
	}
	if q.r.Context().Err() != nil && !errors.Is(err, os.ErrDeadlineExceeded) { // by which its body came too late: it waits for the answer
		return // the app has left
	}
	e.Paid = e.Paid || q.rec.Cost.Charge.Paid()
	e.RetryAfter = min(e.RetryAfter, breaker.MaxNotBefore) // a provider may say anything
	q.head()
	req := &switchyard.Request{ID: q.rec.ID, Dialect: q.rec.Dialect, Path: q.place.path, Model: q.rec.Model, Base: q.origin + q.place.prefix}
	if q.decoded != nil {
		req = q.decoded
	}
	reply := q.place.dialect.EncodeError(req, &e)
	if e.RetryAfter > 0 && reply.Header.Get("Retry-After") == "" && (reply.Status == http.StatusTooManyRequests || reply.Status == http.StatusServiceUnavailable) {
		reply.Header.Set("Retry-After", seconds(e.RetryAfter))
	}
	if e.Paid && q.triesAgain(reply.Status) {
		reply.Status = http.StatusFailedDependency
	}
	_ = q.write(reply)
}

// triesAgain reports whether the app's SDK would send the request again after that status, and pay again if need be. The AI SDK, of
// which every provider's package is a part, does so twice, by the status alone. So do Google's own SDKs, which have google-genai-sdk
// in their name, if their apps say how often. The others go by what their dialects say.
func (q *request) triesAgain(status int) bool {
	passing := status >= 500 || status == http.StatusRequestTimeout || status == http.StatusConflict || status == http.StatusTooManyRequests
	return passing && strings.Contains(q.r.UserAgent(), "ai-sdk")
}

// nowhere answers a request that is for no provider.
func (q *request) nowhere(err error) {
	if !errors.Is(err, errNowhere) {
		q.unmounted(switchyard.AsError(err))
		return
	}
	prefixes := Prefixes(q.snap.Dialects...)
	for _, m := range q.snap.Mounts {
		prefixes = append(prefixes, m.Prefix)
	}
	body, _ := json.Marshal(map[string]any{"error": map[string]any{"message": "no provider is served at this path", "prefixes": prefixes}})
	_ = q.write(dialect.JSON(http.StatusNotFound, "application/json", spool.Bytes(body)))
}

// unmounted answers a request that its passthrough provider did not get, or did not answer.
func (q *request) unmounted(e *switchyard.Error) {
	status, text := http.StatusBadGateway, "the provider could not be reached"
	switch e.Kind {
	case switchyard.NoKey, switchyard.Unauthenticated:
		status, text = http.StatusUnauthorized, "a valid key is needed"
	case switchyard.Throttled:
		status, text = http.StatusTooManyRequests, "too many requests"
	case switchyard.OverBudget:
		status, text = http.StatusTooManyRequests, "the budget is spent"
	case switchyard.BadRequest:
		status, text = http.StatusBadRequest, e.Detail
	case switchyard.Unavailable:
		status = http.StatusServiceUnavailable
	}
	body, _ := json.Marshal(map[string]any{"error": map[string]any{"message": text}})
	reply := dialect.JSON(status, "application/json", spool.Bytes(body))
	if e.RetryAfter > 0 {
		reply.Header.Set("Retry-After", seconds(e.RetryAfter))
	}
	_ = q.write(reply)
}

// seconds is d as a Retry-After: whole, rounded up, of a sane length.
func seconds(d time.Duration) string {
	return strconv.Itoa(int((min(d, breaker.MaxNotBefore) + time.Second - 1) / time.Second))
}

// hidden are headers of a provider's answer that concern only it and us, or that would speak for our own address.
var hidden = []string{
	"Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Connection", "Te", "Trailer", "Transfer-Encoding", "Upgrade",
	"Set-Cookie", "Alt-Svc", "Strict-Transport-Security", "Location", "Content-Length",
	"Access-Control-Allow-Origin", "Access-Control-Allow-Credentials",
}

// answerHeader returns what an app may see of the headers of a provider's answer.
func answerHeader(h http.Header) http.Header {
	out := http.Header{}
	var named []string // in Connection: between the provider and us, too
	for _, names := range h["Connection"] {
		for name := range strings.SplitSeq(names, ",") {
			named = append(named, http.CanonicalHeaderKey(strings.TrimSpace(name)))
		}
	}
	for name, values := range h {
		if !slices.Contains(hidden, name) && !slices.Contains(named, name) && !strings.HasPrefix(name, "X-Switchyard-") {
			out[name] = values
		}
	}
	return out
}
