package sim_test

import (
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"switchyard/sim"
)

func ExampleStart() {
	w, err := sim.Start(sim.Config{})
	if err != nil {
		panic(err)
	}
	defer w.Close()
	req, _ := http.NewRequest("POST", w.Fal.URL+"/fal-ai/flux/schnell", strings.NewReader(`{"prompt":"a signal box"}`))
	req.Header.Set("Authorization", "Key "+w.Fal.Key())
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		panic(err)
	}
	resp.Body.Close()
	fmt.Println(resp.StatusCode, w.Fal.Total(), len(w.Fal.Calls()))
	// Output: 200 0.003 1
}

func TestCloseLeavesNothingBehind(t *testing.T) {
	http.DefaultClient.CloseIdleConnections()
	before := runtime.NumGoroutine()
	w, err := sim.Start(sim.Config{})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range plain(w, "a") {
		call(t, "POST", p.url, p.body, p.header...)
	}
	call(t, "POST", w.Fal.QueueURL+"/fal-ai/flux/dev", `{"prompt":"[sim:stuck]"}`, falAuth)
	call(t, "POST", w.Replicate.URL+schnell, `{"input":{"prompt":"[sim:stuck]"}}`, replicateAuth, "Cancel-After: 1h")
	for range 2 {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	}
	http.DefaultClient.CloseIdleConnections()
	for end := time.Now().Add(5 * time.Second); runtime.NumGoroutine() > before; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			buf := make([]byte, 1<<16)
			t.Fatalf("%d goroutines, %d before\n%s", runtime.NumGoroutine(), before, buf[:runtime.Stack(buf, true)])
		}
	}
	if r := call(t, "GET", w.OpenAI.URL+"/v1/models", "", openaiAuth); r.err == nil {
		t.Error("still answers")
	}
}

func TestSpeedDividesLatency(t *testing.T) {
	w := start(t, sim.Config{Speed: 1000, Behaviors: map[string]sim.Behavior{"google": {Latency: sim.Latency{Min: 40 * time.Second, Max: 60 * time.Second}}}})
	p := plain(w, "a")[0]
	call(t, "POST", p.url, p.body, p.header...) // the picture is drawn and kept
	began := time.Now()
	call(t, "POST", p.url, p.body, p.header...)
	if d := time.Since(began); d < 40*time.Millisecond || d > 5*time.Second {
		t.Errorf("took %v, want 40 to 60 ms and a little", d)
	}
}

func TestCancelAfterEndsPrediction(t *testing.T) {
	w := start(t, sim.Config{})
	r := call(t, "POST", w.Replicate.URL+schnell, `{"input":{"prompt":"[sim:stuck]"}}`, replicateAuth, wait, "Cancel-After: 1s")
	if v := r.json(t); v["status"] != "canceled" || v["deadline"] == nil {
		t.Errorf("prediction %v", v)
	}
}

func TestRunTimeKeys(t *testing.T) {
	w := start(t, sim.Config{Keys: map[string][]string{"openai": {"sk-one", "sk-two"}}})
	for key, want := range map[string]int{"sk-one": 200, "sk-two": 200, "sk-sim": 401} {
		if r := call(t, "GET", w.OpenAI.URL+"/v1/models", "", "Authorization: Bearer "+key); r.status != want {
			t.Errorf("%s: %d", key, r.status)
		}
	}
	if w.OpenAI.Key() != "sk-one" || sim.DefaultKey("fal") != w.Fal.Key() {
		t.Error("keys")
	}
}
