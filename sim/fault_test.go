package sim_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"switchyard/sim"
)

// provider is one plain generation at each of them.
type provider struct {
	name, url, body string
	header          []string
}

func plain(w *sim.World, prompt string) []provider {
	return []provider{
		{"google", w.Google.URL + banana, contents(`{"text":"`+prompt+`"}`) + `}`, []string{googleAuth}},
		{"openai", w.OpenAI.URL + generations, `{"model":"gpt-image-2","quality":"low","prompt":"` + prompt + `"}`, []string{openaiAuth}},
		{"fal", w.Fal.URL + "/fal-ai/flux/dev", `{"prompt":"` + prompt + `"}`, []string{falAuth}},
		{"replicate", w.Replicate.URL + schnell, `{"input":{"prompt":"` + prompt + `"}}`, []string{replicateAuth, wait}},
	}
}

func TestTransportFaults(t *testing.T) {
	w := start(t, sim.Config{})
	overload := map[string]int{"google": 503, "openai": 503, "fal": 503, "replicate": 503}
	denied := map[string]int{"google": 400, "openai": 401, "fal": 401, "replicate": 401}
	empty := map[string]int{"google": 429, "openai": 429, "fal": 403, "replicate": 402}
	for _, f := range sim.Faults() {
		for _, p := range plain(w, "a") {
			t.Run(string(f)+"/"+p.name, func(t *testing.T) {
				if slices.Contains([]sim.Fault{sim.Stall, sim.Stuck, sim.Hang}, f) {
					return // TestStallEndsWithAppAndWorld, TestHangIsHalfAnAnswer
				}
				sp := w.Provider(p.name)
				sp.Reset()
				sp.Set(sim.Behavior{Fault: f})
				r := call(t, "POST", p.url, p.body, p.header...)
				paid := len(sp.Bill()) > 0
				valid := json.Valid(r.body)
				ok := false
				switch f {
				case sim.Refuse:
					ok = r.status == overload[p.name] && !paid && valid
				case sim.RateLimit:
					ok = r.status == 429 && !paid && valid
				case sim.Quota:
					ok = r.status == empty[p.name] && !paid && valid
				case sim.Unauthorized:
					ok = r.status == denied[p.name] && !paid && valid
				case sim.HTML:
					ok = r.status == 502 && !paid && strings.HasPrefix(string(r.body), "<html>")
				case sim.Reset:
					ok = r.err != nil && !paid
				case sim.ResetLate:
					ok = r.err != nil && (paid || p.name == "replicate")
				case sim.Cut:
					ok = r.status/100 == 2 && r.err != nil && (paid || p.name == "replicate")
				case sim.Garbage:
					ok = r.status/100 == 2 && r.err == nil && !valid && (paid || p.name == "replicate")
				case sim.Fail:
					ok = !paid && (r.status == 500 || strings.Contains(string(r.body), `"failed"`))
				default: // of the picture: the tables of each provider
					ok = r.err == nil && valid
				}
				if !ok {
					t.Errorf("status %d, err %v, paid %v, body %.200q", r.status, r.err, paid, r.body)
				}
			})
		}
	}
}

func TestStallEndsWithAppAndWorld(t *testing.T) {
	w, err := sim.Start(sim.Config{})
	if err != nil {
		t.Fatal(err)
	}
	var stay sync.WaitGroup
	for _, p := range plain(w, "[sim:stall]") {
		ctx, leave := context.WithCancel(t.Context())
		var gone sync.WaitGroup
		for _, leaves := range []bool{true, false} {
			group := &stay
			if leaves {
				group = &gone
			}
			group.Go(func() {
				c := t.Context()
				if leaves {
					c = ctx
				}
				req, err := http.NewRequestWithContext(c, "POST", p.url, strings.NewReader(p.body))
				if err != nil {
					t.Error(err)
					return
				}
				req.Header.Set("Content-Type", "application/json")
				for _, h := range p.header {
					name, value, _ := strings.Cut(h, ": ")
					req.Header.Set(name, value)
				}
				if resp, err := http.DefaultClient.Do(req); err == nil {
					resp.Body.Close()
					t.Errorf("%s answered %d", p.name, resp.StatusCode)
				} else if leaves && !errors.Is(err, context.Canceled) {
					t.Errorf("%s: %v", p.name, err)
				}
			})
		}
		for len(w.Provider(p.name).Calls()) < 2 {
			time.Sleep(time.Millisecond)
		}
		leave()
		gone.Wait() // or the end of the world might come first
	}
	if err := w.Close(); err != nil {
		t.Error(err)
	}
	stay.Wait()
}

func TestDeliveryAndPollFaults(t *testing.T) {
	w := start(t, sim.Config{})
	for _, p := range plain(w, "[sim:delivery:cut] a")[2:] {
		r := call(t, "POST", p.url, p.body, p.header...)
		link, _ := at(r.json(t), "images", 0, "url").(string)
		if p.name == "replicate" {
			link, _ = at(r.json(t), "output", 0).(string)
		}
		if got := call(t, "GET", link, ""); got.err == nil || got.status != 200 {
			t.Errorf("%s: delivery %d %v", p.name, got.status, got.err)
		}
	}
	r := call(t, "POST", w.Fal.QueueURL+"/fal-ai/flux/dev", `{"prompt":"[sim:poll:html] a"}`, falAuth)
	at, _ := r.json(t)["status_url"].(string)
	if got := call(t, "GET", at, "", falAuth); got.status != 502 {
		t.Errorf("poll %d", got.status)
	}
}

func TestFailRatioIsDeterministic(t *testing.T) {
	failures := func() (seen []int) {
		w := start(t, sim.Config{Seed: 7, Behaviors: map[string]sim.Behavior{"fal": {FailRatio: 0.3}}})
		for range 30 {
			seen = append(seen, call(t, "POST", w.Fal.URL+"/fal-ai/flux/dev", `{"prompt":"a"}`, falAuth).status)
		}
		return seen
	}
	first, second := failures(), failures()
	if !slices.Equal(first, second) || !slices.Contains(first, 503) || !slices.Contains(first, 200) {
		t.Errorf("%v, then %v", first, second)
	}
}

func TestConcurrencyIsCountedAndLimited(t *testing.T) {
	w := start(t, sim.Config{Speed: 1, Behaviors: map[string]sim.Behavior{"fal": {
		MaxInFlight: 2, Delay: func(string, int) time.Duration { return 200 * time.Millisecond },
	}}})
	var wg sync.WaitGroup
	var mu sync.Mutex
	statuses := map[int]int{}
	for range 6 {
		wg.Go(func() {
			r := call(t, "POST", w.Fal.URL+"/fal-ai/flux/dev", `{"prompt":"a"}`, falAuth)
			mu.Lock()
			statuses[r.status]++
			mu.Unlock()
		})
	}
	wg.Wait()
	if _, peak := w.Fal.InFlight(); peak != 2 || statuses[200] < 2 || statuses[429] == 0 {
		t.Errorf("peak %d, statuses %v", peak, statuses)
	}
}

func TestWhatIsBegunIsBilled(t *testing.T) {
	w := start(t, sim.Config{Speed: 1, Behaviors: map[string]sim.Behavior{"openai": {
		Delay: func(string, int) time.Duration { return 50 * time.Millisecond },
	}}})
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	p := plain(w, "a")[1]
	req, _ := http.NewRequestWithContext(ctx, "POST", p.url, strings.NewReader(p.body))
	req.Header.Set("Authorization", "Bearer sk-sim")
	req.Header.Set("Content-Type", "application/json")
	if resp, err := http.DefaultClient.Do(req); err == nil {
		resp.Body.Close()
		t.Fatal("answered too soon")
	}
	for len(w.OpenAI.Bill()) == 0 { // go test's own time limit ends it
		time.Sleep(time.Millisecond)
	}
}

func TestCallsAreRecorded(t *testing.T) {
	w := start(t, sim.Config{})
	long := strings.Repeat("x", 1000)
	call(t, "POST", w.Fal.URL+"/fal-ai/flux/dev", `{"prompt":"`+long+`","negative_prompt":"dog"}`, falAuth, "X-Thing: 1")
	c := w.Fal.Calls()[0]
	text, _ := at(c.Body, "prompt").(string)
	if c.Site != "fal" || c.Path != "/fal-ai/flux/dev" || c.Header.Get("X-Thing") != "1" || c.Status != 200 || c.Model != "fal-ai/flux/dev" ||
		c.Prompt != long || len(text) > 300 || c.Bytes < 1000 || !slices.Equal(c.Ignored, []string{"negative_prompt"}) {
		t.Errorf("call %+v", c)
	}
}

func TestTimesRunsOut(t *testing.T) {
	w := start(t, sim.Config{})
	for _, p := range plain(w, "a") {
		w.Provider(p.name).Set(sim.Behavior{Fault: sim.RateLimit, Times: 2})
		var seen []int
		for range 4 {
			seen = append(seen, call(t, "POST", p.url, p.body, p.header...).status)
		}
		if seen[0] != 429 || seen[1] != 429 || seen[2]/100 != 2 || seen[3]/100 != 2 {
			t.Errorf("%s: %v", p.name, seen)
		}
	}
}

func TestHangIsHalfAnAnswer(t *testing.T) {
	w := start(t, sim.Config{})
	for _, p := range plain(w, "[sim:hang]") {
		req, _ := http.NewRequestWithContext(t.Context(), "POST", p.url, strings.NewReader(p.body))
		req.Header.Set("Content-Type", "application/json")
		for _, h := range p.header {
			name, value, _ := strings.Cut(h, ": ")
			req.Header.Set(name, value)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		n, _ := io.CopyN(io.Discard, resp.Body, resp.ContentLength/2)
		resp.Body.Close()
		if resp.StatusCode/100 != 2 || n != resp.ContentLength/2 {
			t.Errorf("%s: %d, %d of %d bytes", p.name, resp.StatusCode, n, resp.ContentLength)
		}
	}
}

func TestBigPictures(t *testing.T) {
	w := start(t, sim.Config{Behaviors: map[string]sim.Behavior{"google": {Bytes: 2 << 20}}})
	r := call(t, "POST", w.Google.URL+banana, contents(`{"text":"a"}`)+`}`, googleAuth)
	for _, p := range at(r.json(t), "candidates", 0, "content", "parts").([]any) {
		if d := at(p, "inlineData", "data"); d != nil && len(unbase64(t, d)) != 2<<20 {
			t.Errorf("%d bytes", len(unbase64(t, d)))
		}
	}
}

func TestAddressInUse(t *testing.T) {
	w := start(t, sim.Config{})
	taken := strings.TrimPrefix(w.Google.URL, "http://")
	if _, err := sim.Start(sim.Config{Addrs: map[string]string{"replicate-delivery": taken}}); err == nil || !strings.Contains(err.Error(), `site "replicate-delivery"`) {
		t.Errorf("err %v", err)
	}
}
