package main

import (
	"net/http"
	"strings"
	"testing"

	"switchyard/sim"
)

// TestHeadersOfProviders: what is a credential, or of the connection, is refused by its place in the file.
func TestHeadersOfProviders(t *testing.T) {
	_, err := load("x.yaml", []byte(`
providers:
  fal: {dialect: fal, headers: [x-team, cookie, AUTHORIZATION, "x y", traceparent, host]}
`), noEnv)
	for _, at := range []string{"headers[1]", "headers[2]", "headers[3]", "headers[5]"} {
		if err == nil || !strings.Contains(err.Error(), at) {
			t.Errorf("%s is not refused: %v", at, err)
		}
	}
	if err != nil && strings.Count(err.Error(), "no provider sees") != 4 {
		t.Errorf("%v", err)
	}
}

// TestAccountsOfApps: what names an app's account goes along with the app's own key, and not with ours, which is of another one.
func TestAccountsOfApps(t *testing.T) {
	ours := startKitWith(t, newWorld(t), `providers: {openai: {<openai>}, vertex: {<vertex>}}`)
	theirs := startKitWith(t, ours.world, `providers: {openai: {dialect: openai, base_url: "{openai}"}, vertex: {dialect: vertex, base_url: "{vertex}"}}`)
	for _, c := range []struct {
		method, path, body, key, header string
		asked                           *sim.Provider
	}{
		{http.MethodGet, "/v1/models", "", "sk-sim", "Openai-Organization", ours.world.OpenAI},
		{http.MethodPost, openaiPath, `{"model":"gpt-image-2","prompt":"a signal box"}`, "sk-sim", "Openai-Project", ours.world.OpenAI},
		{http.MethodPost, vertexBanana, bananaAsked, sim.CloudToken, "X-Goog-User-Project", ours.world.Google},
	} {
		for k, want := range map[*kit]string{ours: "", theirs: "acme"} {
			if a := k.do(t.Context(), c.method, c.path, c.body, "Authorization", bearer+c.key, c.header, "acme"); a.status != http.StatusOK {
				t.Fatalf("%s: %d %s", c.path, a.status, a.body)
			}
			calls := c.asked.Calls()
			if got := calls[len(calls)-1].Header.Get(c.header); got != want {
				t.Errorf("%s: %s is %q, want %q", c.path, c.header, got, want)
			}
		}
	}
}

// TestRecordNamesTheAppsOwnID: from an id in the app's log to what we wrote about that request.
func TestRecordNamesTheAppsOwnID(t *testing.T) {
	k := startKitWith(t, newWorld(t), `providers: {openai: {<openai>}}`)
	for _, id := range []string{"app-7", "", strings.Repeat("x", 200)} {
		if a := k.do(t.Context(), http.MethodGet, "/v1/models", "", "X-Request-Id", id); a.status != http.StatusOK {
			t.Fatalf("%d %s", a.status, a.body)
		}
	}
	k.stop()
	var got []any
	for _, e := range k.logs.FilterMessage("request").All() {
		got = append(got, e.ContextMap()["request_id"])
	}
	if len(got) != 3 || got[0] != "app-7" || got[1] != nil || got[2] != nil {
		t.Errorf("the records name %q", got)
	}
}
