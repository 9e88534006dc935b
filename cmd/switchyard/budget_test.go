package main

import (
	"context"
	"io"
	"maps"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"switchyard/ledger"
	"switchyard/sim"
)

const budgeting = `
keys:
  - {name: web, secret: key-web, tenant: acme}
  - {name: poor, secret: key-poor, tenant: acme, budget: {usd: 0.05, per: month}}
providers:
  google: {<google>, breaker: off}
  fal: {<fal>, breaker: off}
targets:
  google-image: {provider: google, model: gemini-3-pro-image, price: {image: 0.04}}
  flux: {provider: fal, model: fal-ai/flux/dev, price: {image: 0.025}}
routes:
  - {name: both, targets: [google-image, flux]}
budgets:
  - {name: daily, scope: all, usd: 1, per: month}
`

// anImage asks for one picture.
const anImage = `{"model":"gpt-image-1","prompt":"a portrait","size":"1024x1024"}`

// TestBudgetUnderLoad: 200 requests at once make as many pictures as the money is for, and the next process knows.
func TestBudgetUnderLoad(t *testing.T) {
	k := startKit(t, strings.Replace(budgeting, "targets: [google-image, flux]", "targets: [google-image]", 1))
	var made, refused atomic.Int64
	var all sync.WaitGroup
	for range 200 {
		all.Go(func() {
			switch a := k.post(openaiPath, anImage, "Authorization", "Bearer key-web"); {
			case a.status == http.StatusOK:
				made.Add(1)
			case a.status == http.StatusTooManyRequests && strings.Contains(string(a.body), "insufficient_quota"):
				refused.Add(1)
			default:
				t.Errorf("%d %s", a.status, a.body)
			}
		})
	}
	all.Wait()
	if made.Load() != 25 || refused.Load() != 175 {
		t.Errorf("%d pictures of 4 cents on $1, %d refused", made.Load(), refused.Load())
	}
	if n := len(k.world.Google.Bill()); n != 25 {
		t.Errorf("%d pictures were billed", n)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+k.admin+"/api/budgets", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer admin-token")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || !strings.Contains(string(text), `{"name":"daily","scope":"all","per":"month","state":"spent","limit_usd":1,"spent_usd":1,"reserved_usd":0`) {
		t.Errorf("the API tells %s %v", text, err)
	}
	k.restart()
	if a := k.post(openaiPath, anImage, "Authorization", "Bearer key-web"); a.status != http.StatusTooManyRequests {
		t.Errorf("after a restart: %d %s", a.status, a.body)
	}
	next := strings.Replace(*k.next.Load(), "usd: 1,", "usd: 1.05,", 1)
	k.next.Store(&next)
	if err := k.side.reload(); err != nil {
		t.Fatal(err)
	}
	for i, want := range []int{http.StatusOK, http.StatusTooManyRequests} {
		if a := k.post(openaiPath, anImage, "Authorization", "Bearer key-web"); a.status != want {
			t.Errorf("request %d on 5 cents more: %d %s", i+1, a.status, a.body)
		}
	}
}

// TestBudgetOfKey: a key's own budget is its own, and ends in the words of the app's dialect.
func TestBudgetOfKey(t *testing.T) {
	k := startKit(t, budgeting)
	for i, want := range []int{http.StatusOK, http.StatusTooManyRequests} {
		a := k.post(openaiPath, anImage, "Authorization", "Bearer key-poor")
		if a.status != want {
			t.Errorf("request %d: %d %s", i+1, a.status, a.body)
		}
		if want != http.StatusOK && a.header.Get("Retry-After") == "" {
			t.Errorf("when is there money again? %v", a.header)
		}
	}
	if a := k.post(openaiPath, anImage, "Authorization", "Bearer key-web"); a.status != http.StatusOK {
		t.Errorf("another key: %d %s", a.status, a.body)
	}
}

// TestBudgetPossible: what was perhaps charged counts in full, and a target that is passed over leaves its place.
func TestBudgetPossible(t *testing.T) {
	text := strings.Replace(budgeting, "{name: daily, scope: all, usd: 1, per: month}", "{name: google, scope: \"provider:google\", usd: 0.05}", 1)
	k := startKit(t, text)
	k.world.Google.Update(func(b *sim.Behavior) { b.Fault = sim.Cut })
	for i, attempts := range []string{"2", "1"} {
		a := k.post(openaiPath, anImage, "Authorization", "Bearer key-web")
		if a.status != http.StatusOK || a.header.Get("X-Switchyard-Target") != "flux" || a.header.Get("X-Switchyard-Attempts") != attempts {
			t.Errorf("request %d: %d %v", i+1, a.status, a.header)
		}
	}
}

// TestRouteFromTheStart: the ledger knows the route of what is still under way, so that a route's budget has it, too, if the
// process dies now.
func TestRouteFromTheStart(t *testing.T) {
	k := startKit(t, budgeting)
	k.world.Google.Update(func(b *sim.Behavior) { b.Fault = sim.Stall })
	got := make(chan answer, 1)
	go func() { got <- k.post(openaiPath, anImage, "Authorization", "Bearer key-web") }()
	eventually(t, func() (int, bool) { n := len(k.world.Google.Calls()); return n, n == 1 })
	if rows := k.rows(); len(rows) != 1 || rows[0].Outcome != "" || rows[0].Route != "both" {
		t.Errorf("under way: %+v", rows)
	}
	k.mustKill(`{"scope":"provider","name":"google","abort":true}`)
	<-got
}

// TestBudgetNames: a budget that is called as a key's own would share its account after a reload, and count everything twice.
func TestBudgetNames(t *testing.T) {
	text := strings.Replace(budgeting, "{name: daily, scope: all", `{name: "key:poor", scope: "key:poor"`, 1)
	if _, err := load("test.yaml", []byte(text), noEnv); err == nil || !strings.Contains(err.Error(), `is called "key:poor"`) {
		t.Errorf("the error is %v", err)
	}
}

// countedBooks counts the questions of what was spent.
type countedBooks struct {
	ledger.Database
	asked   map[string]int
	hurried bool // an answer had to come within the time that the ledger has to be complete
}

func (c *countedBooks) Spent(ctx context.Context, by ledger.Dimension, since, until time.Time) (map[string]ledger.Spent, error) {
	c.asked[string(by)]++
	if end, ok := ctx.Deadline(); ok && time.Until(end) < 2*booksPatience {
		c.hurried = true
	}
	return c.Database.Spent(ctx, by, since, until)
}

// TestBudgetsReadTheBooksOnce: a hundred keys with a budget each do not have a large ledger added up a hundred times, which would
// keep a start waiting for minutes; and one that takes its time is waited for.
func TestBudgetsReadTheBooksOnce(t *testing.T) {
	k := startKit(t, budgeting)
	for range 2 {
		k.post(openaiPath, anImage, "Authorization", "Bearer key-web")
	}
	books := &countedBooks{Database: k.side.store, asked: map[string]int{}}
	k.side.store = books
	next := *k.next.Load() + `  - {name: a, scope: "key:web", usd: 0.08, per: month}
  - {name: b, scope: "key:poor", usd: 0.08, per: month}
  - {name: c, scope: key, usd: 1, per: month}
  - {name: d, scope: tenant, usd: 1, per: month}
`
	k.next.Store(&next)
	if err := k.side.reload(); err != nil {
		t.Fatal(err)
	}
	if want := map[string]int{"key": 1, "tenant": 1}; !maps.Equal(books.asked, want) {
		t.Errorf("asked %v, want %v", books.asked, want)
	}
	if books.hurried {
		t.Error("a ledger that takes more than half a minute to add up would be no start")
	}
	if a := k.post(openaiPath, anImage, "Authorization", "Bearer key-web"); a.status != http.StatusTooManyRequests {
		t.Errorf("what was spent is not in the budget: %d %s", a.status, a.body)
	}
}
