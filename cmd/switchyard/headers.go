package main

import (
	"net/http"
	"slices"
	"strings"

	"switchyard/config"
)

// kept are headers of an app that no provider sees, whatever its config says: they are a credential, or tell of the
// connection alone.
var kept = []string{
	"Authorization", "Cookie", "Proxy-Authorization", "X-Goog-Api-Key", "Idempotency-Key", "X-Idempotency-Key",
	"Connection", "Content-Encoding", "Content-Length", "Expect", "Host", "Keep-Alive", "Te", "Trailer", "Transfer-Encoding", "Upgrade",
}

// checkHeaders wants names that a provider may see.
func checkHeaders(fault faultFunc, at string, names []string) {
	for i, name := range names {
		if name == "" || strings.ContainsAny(name, " :") || slices.Contains(kept, http.CanonicalHeaderKey(name)) {
			fault(config.Index(at, i), "no provider sees a header %q of an app", name)
		}
	}
}

// canonical is the names of headers as they are written in requests.
func canonical(names []string) []string {
	names = slices.Clone(names)
	for i, name := range names {
		names[i] = http.CanonicalHeaderKey(name)
	}
	return names
}
