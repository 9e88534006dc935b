package proxy

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"

	"go.uber.org/zap"

	"switchyard"
	"switchyard/ledger"
)

// Accounts is what the ledger tells apps of their own generations. A stranger's is ledger.ErrNotFound. Both methods may
// wait a moment for what has been written to be readable; while it is not, what they do not find is another error.
type Accounts interface {
	Account(ctx context.Context, tenant, id string) (ledger.Account, error)
	// Rate keeps what an app thinks of a generation; the last word counts.
	Rate(ctx context.Context, tenant, id, rating string) error
}

// extrasPath is what apps may ask of us, rather than of a provider. Nobody needs it to work.
const extrasPath = "/switchyard/v1/"

// extra is a request for it, of a caller that is known.
type extra struct {
	*Handler
	snap    *Snapshot
	r       *http.Request
	tenants []string          // that the caller may be
	key     switchyard.Secret // of a virtual key; zero if the operator has made none
}

// errNoExtra is a path that we do not have.
var errNoExtra = errors.New("no such endpoint")

// extras are the endpoints.
func (h *Handler) extras() *http.ServeMux {
	mux := http.NewServeMux()
	mux.Handle("GET "+extrasPath+"generations/{id}", extraHandler(h, (*extra).generation))
	mux.Handle("POST "+extrasPath+"generations/{id}/rating", extraHandler(h, (*extra).rate))
	mux.Handle("POST "+extrasPath+"estimate", extraHandler(h, (*extra).estimate))
	mux.Handle("GET "+extrasPath+"providers", extraHandler(h, (*extra).providers))
	mux.Handle("POST "+extrasPath+"batches", h.extraTo((*extra).beginBatch))
	mux.Handle("GET "+extrasPath+"batches/{id}", extraHandler(h, (*extra).batch))
	mux.Handle("DELETE "+extrasPath+"batches/{id}", extraHandler(h, (*extra).cancelBatch))
	mux.Handle("GET "+extrasPath+"batches/{id}/events", h.extraTo((*extra).batchEvents))
	mux.Handle("GET "+extrasPath+"batches/{id}/results/{index}", h.extraTo((*extra).batchResult))
	mux.Handle(extrasPath, extraHandler(h, func(*extra) (struct{}, error) { return struct{}{}, errNoExtra }))
	return mux
}

// extraHandler answers in JSON of our own, since the request is in no provider's words.
func extraHandler[T any](h *Handler, serve func(*extra) (T, error)) http.HandlerFunc {
	return h.extraTo(func(x *extra, w http.ResponseWriter) error {
		doc, err := serve(x)
		if err == nil {
			writeJSON(w, http.StatusOK, doc)
		}
		return err
	})
}

// extraTo lets in whoever has a key. An error means that nothing has been answered yet.
func (h *Handler) extraTo(serve func(*extra, http.ResponseWriter) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		defer h.requests.enter()()
		x := &extra{Handler: h, snap: h.snap.Load(), r: r}
		if x.snap.Settings.preflight(w, r) {
			return
		}
		x.snap.Settings.cors(w.Header(), r)
		x.snap.Settings.boundBody(w, r) // nothing here takes long once the body is there
		err := x.identify()
		if err == nil {
			err = serve(x, w)
		}
		if err != nil {
			x.refuse(w, err)
		}
	}
}

func writeJSON[T any](w http.ResponseWriter, status int, doc T) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(doc)
}

// identify finds out who asks, by whatever header the app's SDK sends its credential in. Dialects read the same header in
// different ways, and each makes a tenant of its own of what it reads: the caller is all of them.
func (x *extra) identify() error {
	unknown := error(&switchyard.Error{Kind: switchyard.NoKey})
	for _, d := range x.snap.Dialects {
		query, _ := url.ParseQuery(x.r.URL.RawQuery)
		secret := d.TakeKey(x.r.Header.Clone(), query)
		if secret.IsZero() {
			continue // the tenant of those without a key may be anybody
		}
		caller, err := x.snap.Keys.identify(secret)
		if err != nil {
			unknown = err
		} else if !slices.Contains(x.tenants, caller.tenant) {
			x.tenants = append(x.tenants, caller.tenant)
			if caller.key != nil {
				x.key = secret
			}
		}
	}
	if len(x.tenants) == 0 {
		return unknown
	}
	return nil
}

// mine tries the caller's tenants, of which at most one has the generation.
func (x *extra) mine(try func(tenant string) error) error {
	err := ledger.ErrNotFound
	for _, tenant := range x.tenants {
		if err = try(tenant); !errors.Is(err, ledger.ErrNotFound) {
			return err
		}
	}
	return err
}

// refuse answers with an error.
func (x *extra) refuse(w http.ResponseWriter, err error) {
	status, text := http.StatusServiceUnavailable, "the ledger cannot be asked just now"
	switch e := switchyard.AsError(err); {
	case errors.Is(err, ledger.ErrNotFound), errors.Is(err, errNoExtra), errors.Is(err, errNoBatch):
		status, text = http.StatusNotFound, err.Error()
	case e.Kind == switchyard.NoKey, e.Kind == switchyard.Unauthenticated:
		status, text = http.StatusUnauthorized, "a valid key is needed"
		w.Header().Set("WWW-Authenticate", "Bearer")
	case e.Kind == switchyard.TooLarge:
		status, text = http.StatusRequestEntityTooLarge, "the body is too large"
	case e.Kind == switchyard.Throttled:
		status, text = http.StatusTooManyRequests, e.Detail
		w.Header().Set("Retry-After", seconds(e.RetryAfter))
	case e.Kind == switchyard.BadRequest:
		status, text = http.StatusBadRequest, e.Detail
	default:
		if e.Kind == switchyard.Unavailable {
			text = "this cannot be taken on just now"
		}
		w.Header().Set("Retry-After", "1")
		x.Log.Error("request under "+extrasPath+" failed", zap.Error(err))
	}
	writeJSON(w, status, map[string]map[string]string{"error": {"message": text}})
}
