package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"switchyard"
	"switchyard/ledger"
	"switchyard/sim"
)

const dashConfig = `
providers:
  google: {<google>}
  openai: {<openai>, breaker: {failures: 3, cooldown: 60s}}
  fal: {<fal>}
targets:
  nano: {provider: google, model: gemini-nano-banana-2.1}
  gpt: {provider: openai, model: gpt-image-1-mini}
  flux: {provider: fal, model: fal-ai/flux/dev}
experiments:
  flux-vs-nano:
    unit: headers["x-user-id"]
    arms: {flux: 50, nano: 50}
routes:
  - {name: trial, when: 'headers["x-user-id"] != ""', experiment: flux-vs-nano}
  - {name: pro, when: 'headers["x-tier"] == "pro"', targets: [nano, flux]}
  - {name: gpt, when: 'headers["x-tier"] == "gpt"', targets: [gpt, nano]}
  - {name: everybody, targets: [flux, nano]}
`

// flush waits until everything that has ended is in the ledger.
func (k *kit) flush() {
	k.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := k.side.applier.Flush(ctx); err != nil {
		k.Fatal(err)
	}
}

// picture asks for one by a tier, and is who made it.
func (k *kit) picture(tier string) (provider string) {
	k.Helper()
	a := k.post(openaiPath, `{"model":"gpt-image-1-mini","prompt":"a cat `+rand.Text()+`"}`, "X-Tier", tier)
	if a.status != http.StatusOK {
		k.Fatalf("%d %s", a.status, a.body)
	}
	return a.header.Get("X-Switchyard-Provider")
}

// TestDashboardFigures: what people read is what the ledger has, and it follows by itself.
func TestDashboardFigures(t *testing.T) {
	k := startKit(t, dashConfig)
	k.world.Fal.Update(func(b *sim.Behavior) { b.Fault = sim.Refuse })
	for range 3 {
		k.picture("free")
	}
	k.flush()
	b := k.browse()
	b.login()
	b.agrees()
	b.until(`document.querySelector("#pulse").dataset.state === "live"`)
	for range 4 {
		k.picture("pro")
	}
	b.until(`document.querySelector("#pulse").dataset.beat === ""`) // it was told, and did not ask by itself
	b.until(`document.querySelector("#sum-generations").value === "7"`)
	b.agrees()
	if bars := eval[int](b, `document.querySelectorAll(".chart canvas").length`); bars != 4 {
		t.Errorf("%d charts are drawn", bars)
	}
	if tile, chart := b.text(".figures div:nth-child(2) data"), b.text("[data-chart=success] .u-series:nth-child(2) .u-value"); tile != "100 %" || chart != tile {
		t.Errorf("the success is %s, and beside its chart %s", tile, chart)
	}
	b.open("/admin/ai-metrics/generations")
	b.until(`document.querySelector("#pulse").dataset.state === "live"`)
	k.picture("pro")
	b.until(`document.querySelectorAll("#live-generations tbody tr").length === 8`)
}

// agrees compares the overview with the ledger.
func (b *browser) agrees() {
	b.Helper()
	now := time.Now()
	steps, err := b.side.store.Targets(context.Background(), ledger.Steps{Since: now.Add(-24 * time.Hour), Until: now.Add(time.Hour)})
	if err != nil {
		b.Fatal(err)
	}
	sums := map[string]*ledger.Sums{}
	for i := range steps {
		if sums[steps[i].Provider] == nil {
			sums[steps[i].Provider] = &ledger.Sums{}
		}
		sums[steps[i].Provider].Add(&steps[i].Sums)
	}
	if len(sums) != 2 {
		b.Fatalf("the ledger knows %d providers", len(sums))
	}
	for name, s := range sums {
		type figures struct {
			Attempts int
			Success  float64
			Cost     string
		}
		got := eval[figures](b, fmt.Sprintf(`(() => {
			const row = document.querySelector('tr[data-provider="%s"]'), figure = (name) => row.querySelector('[data-label="' + name + '"] data')?.value;
			return {Attempts: Number(figure("Attempts")), Success: Number(figure("Success")), Cost: figure("Cost")};
		})()`, name))
		success, _ := s.Success()
		if want := (figures{s.Count, success, (s.Cost - s.Possible).String()}); got != want {
			b.Errorf("%s: the page says %+v, the ledger %+v", name, got, want)
		}
	}
}

// TestDashboardStops: a click and a key take a provider out, and the next request goes elsewhere; another click takes it back.
func TestDashboardStops(t *testing.T) {
	k := startKit(t, dashConfig)
	if who := k.picture("pro"); who != "google" {
		t.Fatalf("%s made it", who)
	}
	b := k.browse()
	b.login()
	b.click("#stop-provider-google")
	tryTo(b, chromedp.WaitVisible(chromedp.CSS("#kill")))
	if title := b.text("#kill-title"); title != "Stop provider google?" {
		t.Errorf("it asks %q", title)
	}
	tryTo(b, chromedp.SendKeys(chromedp.CSS("#kill input[name=reason]"), "wrong faces\r"))
	tryTo(b, chromedp.WaitVisible(chromedp.CSS(".kills")))
	if text := b.text(".kills"); !strings.Contains(text, "provider google “wrong faces” until revived, by dashboard") {
		t.Errorf("the page says %q", text)
	}
	if word := b.text(".verdict .word"); word != "Running, with stops" {
		t.Errorf("the page says %q", word)
	}
	if who := k.picture("pro"); who != "fal" {
		t.Errorf("%s made it", who)
	}
	b.click("#revive-provider-google")
	tryTo(b, chromedp.WaitVisible(chromedp.CSS(`#stop-provider-google`)))
	if who := k.picture("pro"); who != "google" {
		t.Errorf("%s made it", who)
	}
	b.open("/admin/ai-metrics/audit")
	for _, text := range []string{"kill provider google wrong faces", "revive provider google", "login dashboard"} {
		if page := b.text("#live-audit"); !strings.Contains(page, text) {
			t.Errorf("the audit does not say %q: %s", text, page)
		}
	}
}

// TestDashboardWithoutScripts: the figures are there, and the kill switch works.
func TestDashboardWithoutScripts(t *testing.T) {
	k := startKit(t, dashConfig)
	k.picture("pro")
	k.flush()
	b := k.browse()
	call(b, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
	b.login()
	if n := b.text("#sum-generations"); n != "1" {
		t.Errorf("the page says %s generations", n)
	}
	b.click("#stop-provider-google")
	tryTo(b, chromedp.WaitVisible(chromedp.CSS(".ask")))
	tryTo(b, chromedp.Click(chromedp.CSS(`.ask button[type=submit]`)))
	tryTo(b, chromedp.WaitVisible(chromedp.CSS(".kills")))
	if who := k.picture("pro"); who != "fal" {
		t.Errorf("%s made it", who)
	}
}

// TestDashboardStrangersText: what apps send is shown as they sent it, and does nothing.
func TestDashboardStrangersText(t *testing.T) {
	const evil = `"><img src=x onerror=alert(1)><script>alert(2)</script>`
	k := startKit(t, dashConfig)
	k.side.file.Load().Store.KeepPrompts = true
	body, _ := json.Marshal(map[string]string{"model": evil, "prompt": evil})
	a := k.post(openaiPath, string(body), "X-Tier", "pro", "X-Request-Id", evil, "X-Switchyard-Label-Style", evil)
	if a.status != http.StatusOK {
		t.Fatalf("%d %s", a.status, a.body)
	}
	k.flush()
	b := k.browse()
	b.login()
	for _, path := range []string{"/generations", "/generations/" + a.header.Get("X-Switchyard-Id")} {
		b.open("/admin/ai-metrics" + path)
		if text := b.text("main"); !strings.Contains(text, evil) {
			t.Errorf("%s does not show it: %s", path, text)
		}
		if n := eval[int](b, `document.querySelectorAll("main img, main script").length`); n != 0 {
			t.Errorf("%s: %d elements came out of it", path, n)
		}
	}
	for _, text := range []string{"style " + evil, "Request id " + evil} {
		if page := b.text("main"); !strings.Contains(page, text) {
			t.Errorf("the story does not show %q: %s", text, page)
		}
	}
}

// TestDashboardLogin: nobody gets in without the token, and nobody stays in after leaving.
func TestDashboardLogin(t *testing.T) {
	k := startKit(t, dashConfig)
	b := k.browse()
	b.expect = []string{"401 (Unauthorized)"}
	b.open("/admin/ai-metrics/generations?range=7d")
	tryTo(b, chromedp.SendKeys(chromedp.CSS("input[name=token]"), "guess\r"))
	tryTo(b, chromedp.WaitVisible(chromedp.CSS(".note.bad")))
	if text := b.text(".note.bad"); text != "That is not the token." {
		t.Errorf("the page says %q", text)
	}
	tryTo(b, chromedp.SendKeys(chromedp.CSS("input[name=token]"), "admin-token\r"))
	tryTo(b, chromedp.WaitVisible(chromedp.CSS("#live-generations")))
	if at := tryTo(b, chromedp.Location()); !strings.HasSuffix(at, "/admin/ai-metrics/generations?range=7d") {
		t.Errorf("the login led to %s", at)
	}
	if cookies := eval[string](b, "document.cookie"); cookies != "" {
		t.Errorf("scripts see the cookie: %q", cookies)
	}
	tryTo(b, chromedp.Click(chromedp.CSS(`.aside button`)))
	tryTo(b, chromedp.WaitVisible(chromedp.CSS("input[name=token]")))
	b.open("/admin/ai-metrics")
	tryTo(b, chromedp.WaitVisible(chromedp.CSS("input[name=token]")))
}

// TestDashboardAfterSession: a page whose session has ended behind its back, as in a restart, asks for the token anew; it does not
// show the figures of before for ever.
func TestDashboardAfterSession(t *testing.T) {
	k := startKit(t, dashConfig)
	b := k.browse()
	b.expect = []string{"401"}
	b.login()
	b.until(`document.getElementById("pulse").dataset.state === "live"`)
	tryTo(b, chromedp.Evaluate[int64](`fetch("/admin/logout", {method: "POST", redirect: "manual"}).then((r) => r.status)`, chromedp.EvalAwaitPromise))
	k.picture("pro") // the stream of events ends at the next of them
	tryTo(b, chromedp.WaitVisible(chromedp.CSS("input[name=token]")))
}

// TestDashboardLoginCode: the demo's link opens once, and for one browser.
func TestDashboardLoginCode(t *testing.T) {
	k := startKit(t, dashConfig)
	code := k.side.admin.LoginCode()
	b := k.browse()
	b.open("/admin/login?code=" + code)
	if word := b.text(".verdict .word"); word != "All well" {
		t.Errorf("the page says %q", word)
	}
	other := k.browse()
	other.open("/admin/login?code=" + code)
	tryTo(other, chromedp.WaitVisible(chromedp.CSS("input[name=token]")))
}

// TestDashboardScreens: every page fits, wide and narrow, by day and by night; people look at the pictures.
func TestDashboardScreens(t *testing.T) {
	k := startKit(t, dashConfig)
	k.history(time.Now())
	for i := range 24 {
		a := k.post(openaiPath, `{"model":"gpt-image-1-mini","prompt":"a cat"}`, "X-User-Id", fmt.Sprint(i), "Authorization", "Bearer an-app")
		k.post("/switchyard/v1/generations/"+a.header.Get("X-Switchyard-Id")+"/rating", `{"rating":"`+[]string{"thumbs_up", "thumbs_up", "thumbs_down"}[i%3]+`"}`, "Authorization", "Bearer an-app")
	}
	k.world.OpenAI.Update(func(b *sim.Behavior) { b.Fault = sim.Fail })
	for range 4 {
		k.picture("gpt")
	}
	b := k.browse()
	b.login()
	b.click("#stop-target-flux")
	tryTo(b, chromedp.SendKeys(chromedp.CSS("#kill input[name=reason]"), "gray pictures since noon\r"))
	tryTo(b, chromedp.WaitVisible(chromedp.CSS(".kills")))
	for _, scheme := range []string{"light", "dark"} {
		b.lights(scheme)
		for _, page := range []string{"", "/generations", "/experiments", "/audit", "/kill?scope=all"} {
			name, _, _ := strings.Cut(strings.TrimPrefix(page, "/"), "?")
			if name == "" {
				name = "overview"
			}
			b.open("/admin/ai-metrics" + page)
			b.shoot(name+"-"+scheme, 1280, 1100)
			b.shoot(name+"-phone-"+scheme, 390, 844)
		}
		b.open("/admin/ai-metrics/generations/" + k.story())
		b.shoot("generation-"+scheme, 1280, 800)
		b.shoot("generation-phone-"+scheme, 390, 844)
	}
}

// story is a generation that took more than one attempt.
func (k *kit) story() string {
	k.Helper()
	list, err := k.side.store.Generations(context.Background(), ledger.Page{Limit: 1000})
	if err != nil {
		k.Fatal(err)
	}
	for _, a := range list {
		if a.Generation.Attempts > 1 && a.Generation.Outcome == switchyard.OK {
			return a.Generation.ID
		}
	}
	k.Fatal("there is none")
	return ""
}
