package admin_test

import (
	"net/url"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"switchyard"
	"switchyard/ledger"
	"switchyard/ledger/sqlite"
)

// TestOverviewOfAnyTime: between any two times the overview has what the ledger has, in its figures and in its chart alike, also
// where the ledger has sums of hours alone.
func TestOverviewOfAnyTime(t *testing.T) {
	store, err := sqlite.Open(t.Context(), sqlite.Config{Path: filepath.Join(t.TempDir(), "db")})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	now := time.Now().UTC().Truncate(time.Hour)
	var records []ledger.Record
	for age := time.Hour; age <= 400*time.Hour; age += time.Hour {
		id, cost := age.String(), switchyard.Cost{Amount: 1, Basis: switchyard.BasisBook, Charge: switchyard.ChargeSettled}
		records = append(records,
			ledger.SettleRecord(switchyard.Attempt{ID: id, Generation: id, Number: 1, Target: "flux", Provider: "fal", Started: now.Add(-age), Outcome: switchyard.OK, Cost: cost}),
			ledger.EndRecord(switchyard.Generation{ID: id, Kind: "generation", Route: "all", Started: now.Add(-age), Outcome: switchyard.OK, Cost: cost}))
	}
	if err := store.Apply(t.Context(), ledger.Batch{Journal: "j", Last: 1, Records: records}); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Prune(t.Context(), now.Add(-1000*time.Hour), 1); err != nil { // and with it, the minutes of what is old
		t.Fatal(err)
	}
	d := newDesk(t)
	d.Ledger, d.Observer = store, store
	d.Init()
	d.login()
	for _, c := range []struct{ since, until time.Duration }{
		{14 * time.Hour, 0}, // in steps of 7 minutes
		{24 * time.Hour, time.Hour},
		{5*24*time.Hour + 7*time.Hour, 3 * time.Hour},
		{300 * time.Hour, 276 * time.Hour}, // a day that is long over
		{300 * time.Hour, 299 * time.Hour},
		{333 * time.Hour, 0}, // in steps of hours, some of which are long over
		{17 * 24 * time.Hour, 24 * time.Hour},
	} {
		q := url.Values{"since": {now.Add(-c.since).Format(time.RFC3339)}, "until": {now.Add(-c.until).Format(time.RFC3339)}}
		page := d.page("/admin/ai-metrics?" + q.Encode())
		least := int(min(c.since, 400*time.Hour)/time.Hour - max(c.until/time.Hour, 1) + 1)
		if c.until > 0 {
			least--
		}
		inFigures := numbers(t, page, `<data value="(\d+)" id="sum-generations">`)
		inChart := numbers(t, page, `(?s)<tr data-at="\d+">.*?<data value="(\d+)"`)
		if inFigures < least || inChart != inFigures {
			t.Errorf("%v to %v ago: %d generations, %d in the chart, want %d or more", c.since, c.until, inFigures, inChart, least)
		}
	}
}

// TestOverviewOfDistantTimes: a link may have any, and the chart no more steps than others have.
func TestOverviewOfDistantTimes(t *testing.T) {
	d := newDesk(t)
	d.login()
	for _, year := range []string{"0001", "1677", "1969", "2262", "2300", "9999"} {
		page := d.page("/admin/ai-metrics?since=" + year + "-06-01T00:00:00Z&until=" + year + "-06-01T01:00:00Z")
		if n := strings.Count(page, "<tr data-at="); n < 1 || n > 62 {
			t.Errorf("in the year %s: %d steps", year, n)
		}
	}
}

// numbers are those on a page, added up.
func numbers(t *testing.T, page, where string) (sum int) {
	t.Helper()
	for _, found := range regexp.MustCompile(where).FindAllStringSubmatch(page, -1) {
		n, err := strconv.Atoi(found[1])
		if err != nil {
			t.Fatal(err)
		}
		sum += n
	}
	return sum
}
