package main

import (
	"net/http"
	"strings"
	"testing"
)

// TestTransportsOfTheGone: a provider that a reload takes out is reached as it was by those who still have something to ask
// it, and not by whatever way the environment names. If it comes back, it comes back as it is then.
func TestTransportsOfTheGone(t *testing.T) {
	const google, openai = "  google: {<google>}\n", "  openai: {<openai>, timeouts: {first_byte: 1s}}\n"
	k := startKit(t, "providers:\n"+google+openai)
	reload := func(providers string) http.RoundTripper {
		t.Helper()
		text := *k.next.Load()
		text = text[:strings.Index(text, "providers:")] + "providers:\n" + strings.NewReplacer("{google}", k.world.Google.URL, "{openai}", k.world.OpenAI.URL).Replace(simulated.Replace(providers))
		k.next.Store(&text)
		if err := k.side.reload(); err != nil {
			t.Fatal(err)
		}
		return k.side.transports.of("openai")
	}
	before := k.side.transports.of("openai")
	if before == k.side.transports.of("google") {
		t.Fatal("all are reached the same way")
	}
	for range 2 {
		if reload(google) != before {
			t.Error("a provider that has gone is reached another way")
		}
	}
	if reload(google+openai) != before {
		t.Error("it is back, and reached another way")
	}
	reload(google)
	after, ok := reload(google + strings.Replace(openai, "1s", "2s", 1)).(*http.Transport)
	if !ok || after == before || after.ResponseHeaderTimeout.Seconds() != 2 {
		t.Error("it is back, and reached as it was before")
	}
}

// TestTransportOfNobody: what was never a provider is not reached at all.
func TestTransportOfNobody(t *testing.T) {
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://127.0.0.1:1/", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := new(transports).of("nobody").RoundTrip(req)
	if err == nil {
		_ = resp.Body.Close()
	}
	if err == nil || !strings.Contains(err.Error(), `no provider "nobody"`) {
		t.Errorf("%v", err)
	}
}
