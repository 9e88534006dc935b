package proxy

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"time"

	"go.uber.org/zap"

	"switchyard"
	"switchyard/breaker"
	"switchyard/dialect"
	"switchyard/limit"
	"switchyard/spool"
)

// pass hands a request that is no generation to the provider it is for, and its answer back, both as they come. msg is
// the request if it has been read already.
func (q *request) pass(msg *spool.Message) error {
	t, key, err := q.native()
	if err != nil {
		return err
	}
	msg, done, err := q.whole(msg)
	defer done()
	if err != nil {
		return err
	}
	return q.forward(t, msg, func(in, out http.Header) {
		for name, values := range in {
			if q.place.dialect.Passes(name, t.Key.IsZero()) || slices.Contains(t.Headers, name) {
				out[name] = values
			}
		}
		q.place.dialect.PutKey(out, key)
	})
}

// native is the provider that a request goes to which passes through, and the key for it: the first of the app's dialect that
// there is a key for, ours or the app's own, and that no operator has stopped. Without virtual keys, one without a key will do if
// there is no other: some of its pages need none, and of the rest it says so itself.
func (q *request) native() (*switchyard.Target, switchyard.Secret, error) {
	var stopped []breaker.Kill
	keyed, keyless := q.snap.Router.Natives(q.place.dialect.Name(), q.caller.hasOwn())
	for i, t := range slices.Concat(keyed, keyless) {
		k, off := q.Runner.Switches.Stopped("", t.Provider, t.Name)
		switch {
		case off:
			stopped = append(stopped, k)
		case !t.Key.IsZero():
			return t, t.Key, nil
		case i < len(keyed) || q.caller.key == nil:
			return t, q.caller.own, nil // which may be none
		}
	}
	if len(stopped) > 0 {
		return nil, switchyard.Secret{}, soonest(stopped)
	}
	return nil, switchyard.Secret{}, &switchyard.Error{Kind: switchyard.Unavailable, Err: errors.New("no provider of this dialect has a key")}
}

// mounted hands a request to a passthrough provider. Its key is the operator's if there is one, else whatever the app
// sent.
func (q *request) mounted() error {
	t := q.place.mount.Target
	return q.forward(t, nil, func(in, out http.Header) {
		for name, values := range in {
			if !slices.Contains(neverForwarded, name) {
				out[name] = values
			}
		}
		switch {
		case !t.Key.IsZero():
			out.Set("Authorization", "Bearer "+t.Key.Reveal())
		case q.caller.key != nil:
			out.Del("Authorization")
		}
	})
}

// neverForwarded is what no provider may see of an app's request.
var neverForwarded = []string{
	"Connection", "Keep-Alive", "Proxy-Authorization", "Proxy-Connection", "Te", "Trailer", "Transfer-Encoding", "Upgrade", "Expect",
	"Cookie", "Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto",
	"X-Goog-Api-Key", "Idempotency-Key", "X-Idempotency-Key",
}

// passPatience is how long a request that passes through waits for its provider's limit, as routes do that do not say.
const passPatience = 2 * time.Second

var quiet = zap.NewStdLog(zap.NewNop())

// forward is the passing through itself. What may cost money is in the journal before it leaves.
func (q *request) forward(t *switchyard.Target, msg *spool.Message, headers headerFunc) error {
	if q.paid() && q.wantsPlan() {
		return switchyard.Invalid("", "%s: this asks for no images, or is handed on as it is. It has no plan, and is not sent.", dryRunHeader)
	}
	address, path, err := q.address(t)
	if err != nil {
		return err
	}
	release, err := q.Runner.Limiter.Acquire(q.r.Context(), []limit.Name{{Scope: limit.Provider, Name: t.Provider}}, 0, passPatience)
	if err != nil {
		return err
	}
	defer release()
	ctx, stop, err := q.cuttable(t)
	if err != nil {
		return err
	}
	defer stop()
	done, err := q.Runner.Breaker.Allow(t.Name)
	if err != nil {
		return err
	}
	q.rec.Kind, q.rec.Target, q.rec.Provider = KindPassthrough, t.Name, t.Provider
	p := &passage{request: q, target: t, address: address, path: path, msg: msg, headers: headers, ctx: ctx}
	defer func() { done(p.verdict(), p.wait) }()
	if err := p.open(); err != nil {
		return err
	}
	defer p.settle()
	q.rec.Err = p.run()
	return q.rec.Err
}

// paid reports whether the request may cost money: reading does not.
func (q *request) paid() bool {
	return q.r.Method != http.MethodGet && q.r.Method != http.MethodHead && q.r.Method != http.MethodOptions
}

// address is where a target's provider is, and the path (escaped) at which it has what the app asks for.
func (q *request) address(t *switchyard.Target) (base *url.URL, path string, err error) {
	if t.Off != "" {
		return nil, "", &switchyard.Error{Kind: switchyard.Unavailable, Err: errors.New(t.Off)}
	}
	key, path := q.place.base, q.place.raw
	if l, ok := q.place.dialect.(dialect.Locator); ok {
		key, path = l.Locate(t, path)
	}
	if base, err = url.Parse(t.Bases[key]); err != nil || base.Host == "" {
		return nil, "", &switchyard.Error{Kind: switchyard.Unavailable, Err: errors.New("the provider has no such address")}
	}
	return base, path, nil
}
