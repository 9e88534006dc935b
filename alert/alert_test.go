package alert_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"switchyard"
	"switchyard/alert"
	"switchyard/rule"
)

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// story is an alert over time: each step is when, in minutes after noon, what its condition comes to, what phase it is in
// then, and what is told.
type story []struct {
	minute float64
	holds  string // yes, no, silenced: yes, but stopped by hand; or blind: nobody can tell
	phase  alert.Phase
	told   alert.Phase // empty: nothing
}

func TestAdvance(t *testing.T) {
	for name, c := range map[string]struct {
		wait  time.Duration
		story story
	}{
		"for": {10 * time.Minute, story{
			{0, "no", alert.OK, ""},
			{1, "yes", alert.Pending, ""},
			{10.9, "yes", alert.Pending, ""},
			{11, "yes", alert.Firing, alert.Firing},
			{12, "yes", alert.Firing, ""},
			{13, "no", alert.OK, alert.Resolved},
			{14, "no", alert.OK, ""},
			{15, "yes", alert.Pending, ""},
			{25, "yes", alert.Firing, alert.Firing},
		}},
		"it must hold all the time": {10 * time.Minute, story{
			{0, "yes", alert.Pending, ""},
			{9, "no", alert.OK, ""},
			{9.5, "yes", alert.Pending, ""},
			{18, "yes", alert.Pending, ""},
			{19.5, "yes", alert.Firing, alert.Firing},
		}},
		"at once": {0, story{
			{0, "yes", alert.Firing, alert.Firing},
			{1, "no", alert.OK, alert.Resolved},
		}},
		"silenced before": {5 * time.Minute, story{
			{0, "yes", alert.Pending, ""},
			{1, "silenced", alert.Silenced, ""},
			{9, "silenced", alert.Silenced, ""},
			{10, "yes", alert.Pending, ""}, // what holds may be no more than the stop's own trace
			{15, "yes", alert.Firing, alert.Firing},
		}},
		"silenced while it fires": {0, story{
			{0, "yes", alert.Firing, alert.Firing},
			{1, "silenced", alert.Silenced, ""},
			{2, "yes", alert.Firing, ""}, // of which is told
			{3, "silenced", alert.Silenced, ""},
			{4, "no", alert.OK, alert.Resolved}, // or somebody would wait for ever
		}},
		"blind": {10 * time.Minute, story{
			{0, "blind", alert.OK, ""},
			{1, "yes", alert.Pending, ""},
			{20, "blind", alert.Pending, ""},
			{21, "yes", alert.Firing, alert.Firing},
			{22, "blind", alert.Firing, ""},
			{23, "no", alert.OK, alert.Resolved},
		}},
		"silenced and gone": {0, story{
			{0, "silenced", alert.Silenced, ""},
			{1, "no", alert.OK, ""},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			var states []alert.State
			ids := map[string]bool{}
			for _, s := range c.story {
				now := noon.Add(time.Duration(s.minute * float64(time.Minute)))
				r := alert.Reading{Name: "slow", For: c.wait, Notify: []string{"ops"}, Holds: s.holds == "yes" || s.holds == "silenced"}
				r.Silenced, r.Blind = s.holds == "silenced", s.holds == "blind"
				next, notices := alert.Advance(states, []alert.Reading{r}, now)
				again, repeated := alert.Advance(states, []alert.Reading{r}, now)
				if fmt.Sprint(next, notices) != fmt.Sprint(again, repeated) {
					t.Fatalf("minute %v: not the same twice", s.minute)
				}
				var told alert.Phase
				for _, n := range notices {
					if ids[n.ID] || !slices.Equal(n.Notify, []string{"ops"}) {
						t.Errorf("minute %v: notice %+v", s.minute, n)
					}
					ids[n.ID], told = true, n.State.Phase
				}
				if len(next) != 1 || next[0].Phase != s.phase || told != s.told || len(notices) > 1 {
					t.Fatalf("minute %v: got %+v, told %v", s.minute, next, notices)
				}
				text, err := json.Marshal(next) // as over a restart
				if err != nil {
					t.Fatal(err)
				}
				states = nil
				if err := json.Unmarshal(text, &states); err != nil || !alert.Same(states, next) {
					t.Fatalf("%s, %v", text, err)
				}
			}
		})
	}
}

// TestARuleThatIsGone: whoever was told that it fires is told that it does not, by whom the rule named then.
func TestARuleThatIsGone(t *testing.T) {
	fires := alert.Reading{Name: "a", Notify: []string{"ops"}, Holds: true}
	states, _ := alert.Advance(nil, []alert.Reading{fires, {Name: "b", For: time.Hour, Holds: true}}, noon)
	fires.Notify = []string{"others"}
	states, notices := alert.Advance(states, []alert.Reading{fires}, noon.Add(time.Minute))
	if len(notices) != 0 || len(states) != 1 {
		t.Fatalf("%+v, told %+v", states, notices)
	}
	states, notices = alert.Advance(states, nil, noon.Add(2*time.Minute))
	if len(states) != 0 || len(notices) != 1 || notices[0].State.Phase != alert.Resolved || !slices.Equal(notices[0].Notify, []string{"ops"}) {
		t.Errorf("%+v, told %+v", states, notices)
	}
}

// some are notices for one receiver, and for two.
func some(n int) []alert.Notice {
	var readings []alert.Reading
	for i := range n {
		readings = append(readings, alert.Reading{
			Name: fmt.Sprintf("down:p%d", i), Rule: `down(provider) && images < 5 `, Holds: true, Value: 0.25,
			Message: "<!channel> probe: status 500 & more", Notify: []string{"ops", "chat"}[:1+i%2],
		})
	}
	_, notices := alert.Advance(nil, readings, noon)
	return notices
}

func TestWhatIsDueAtOnceIsOneMessage(t *testing.T) {
	list := alert.Group(some(3))
	if len(list) != 2 || list[0].To != "ops" || len(list[0].Notices) != 3 || list[1].To != "chat" || len(list[1].Notices) != 1 {
		t.Fatalf("got %+v", list)
	}
	if again := alert.Group(some(3)); again[0].ID != list[0].ID || again[1].ID != list[1].ID || list[0].ID == list[1].ID {
		t.Error("IDs do not follow from what is told, and to whom")
	}
	if list := alert.Group(nil); list != nil {
		t.Errorf("of nothing: %+v", list)
	}
	twice := some(2)
	twice[0].Notify = []string{"ops", "chat", "ops"}
	if list := alert.Group(twice); len(list[0].Notices) != 2 {
		t.Errorf("a receiver that is named twice is told %+v", list[0].Notices)
	}
}

func TestJSON(t *testing.T) {
	m := alert.Group(some(3))[1]
	body, err := m.Encode(alert.JSON)
	if err != nil {
		t.Fatal(err)
	}
	one := `"alert":"down:p1","state":"firing","since":"2026-11-24T12:00:00Z","value":0.25,"message":"\u003c!channel\u003e probe: status 500 \u0026 more",` +
		`"rule":"down(provider) \u0026\u0026 images \u003c 5 ","id":`
	want := `{` + one + `"` + m.ID + `","alerts":[{` + one + `"` + m.Notices[0].ID + `"}]}`
	if string(body) != want {
		t.Errorf("got\n%s\nwant\n%s", body, want)
	}
}

func TestSlack(t *testing.T) {
	m := alert.Group(some(3))[0]
	body, err := m.Encode(alert.Slack)
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Text   string
		Blocks []struct {
			Type string
			Text struct{ Type, Text string }
		}
	}
	if err := json.Unmarshal(body, &doc); err != nil {
		t.Fatal(err)
	}
	if doc.Text != "Switchyard: firing: down:p0, firing: down:p1, firing: down:p2" || len(doc.Blocks) != 3 {
		t.Errorf("got %s", body)
	}
	want := ":red_circle: *down:p0* firing since 2026-11-24 12:00:00 UTC\n&lt;!channel&gt; probe: status 500 &amp; more\n`down(provider) &amp;&amp; images &lt; 5 `"
	if b := doc.Blocks[0]; b.Type != "section" || b.Text.Type != "mrkdwn" || b.Text.Text != want {
		t.Errorf("got %+v", b)
	}
	m.Notices[0].State.Phase = alert.Resolved
	if body, err := m.Encode(alert.Slack); err != nil || !strings.Contains(string(body), ":large_green_circle: *down:p0* resolved") {
		t.Errorf("%v, got %s", err, body)
	}
}

func TestSlackTakesSoMuch(t *testing.T) {
	if body, err := (&alert.Message{Notices: some(50)}).Encode(alert.Slack); err != nil || strings.Contains(string(body), " more\"") || !strings.Contains(string(body), "*down:p49*") {
		t.Errorf("%v, fifty do not fit: %s", err, body)
	}
	notices := some(60)
	notices[0].State.Message = strings.Repeat("é", 5000)
	body, err := (&alert.Message{Notices: notices}).Encode(alert.Slack)
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Blocks []struct{ Text struct{ Text string } }
	}
	if err := json.Unmarshal(body, &doc); err != nil {
		t.Fatal(err)
	}
	if len(doc.Blocks) != 50 || doc.Blocks[49].Text.Text != "and 11 more" || len(doc.Blocks[0].Text.Text) > 3000 {
		t.Errorf("%d blocks, the first of %d bytes, the last %q", len(doc.Blocks), len(doc.Blocks[0].Text.Text), doc.Blocks[len(doc.Blocks)-1].Text.Text)
	}
}

func TestRules(t *testing.T) {
	list := []alert.Config{
		{Name: "slow", When: "mean_seconds > 3", Notify: []string{"ops"}}, {Name: "dear", Off: true}, {Name: "mine", When: "images > 5"},
	}
	rules, err := alert.Rules(list, []string{"ops", "chat"})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range rules {
		got = append(got, fmt.Sprint(r.Name, len(r.Notify)))
	}
	want := "slow1 mine0 success2 refusals2 down2 breaker2 budget2 dear-fallback2 unknown-price2 config-refused2 ledger2 model-ends2"
	if strings.Join(got, " ") != want || rules[0].When != "mean_seconds > 3" || rules[0].Window != alert.DefaultWindow {
		t.Errorf("got %v", got)
	}
	if _, err := alert.Rules([]alert.Config{{Name: "x", When: "nothing"}}, nil); err == nil {
		t.Error("a rule that is none was taken")
	}
}

func TestBuiltinsAreValid(t *testing.T) {
	for _, c := range alert.Builtin() {
		if err := c.Validate(); err != nil {
			t.Errorf("%s: %v", c.Name, err)
		}
		r, err := alert.Compile(c)
		if err != nil {
			t.Fatal(err)
		}
		if v, err := r.Judge(&rule.Readings{}); v.Holds || err != nil {
			t.Errorf("%s: without data: %+v, %v", c.Name, v, err)
		}
	}
}

func TestValidate(t *testing.T) {
	for _, c := range []struct {
		config alert.Config
		want   string
	}{
		{alert.Config{Name: "a", When: "images > 1", Window: time.Minute}, ""},
		{alert.Config{Name: "a", Off: true}, ""},
		{alert.Config{Name: "a b", When: "x", By: "key", For: -1, Window: 90 * time.Second}, `name: want 1 to 100 letters, digits, -, _ and ., got "a b"
by: want provider, target or budget, got "key"
for: must not be negative, got -1ns
window: want whole minutes, from 1m to 7d, got 1m30s`},
		{alert.Config{Name: "a", When: "down(provider)", Window: time.Minute}, "when: 1:6: undeclared reference to 'provider'"},
	} {
		got := ""
		if err := c.config.Validate(); err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%+v:\n got %s\nwant %s", c.config, got, c.want)
		}
	}
	r := alert.Receiver{Webhook: switchyard.NewSecret("x"), Format: "teams"}
	if err := r.Validate(); err == nil || err.Error() != `format: want slack or json, got "teams"` {
		t.Errorf("got %v", err)
	}
}

// TestSame: what a restart must find is saved; what is read anew each time is not worth it.
func TestSame(t *testing.T) {
	was := alert.State{Name: "a", Phase: alert.Firing, Since: time.Unix(1, 0), Value: 1, Message: "m", Told: true, Notify: []string{"ops"}}
	for name, c := range map[string]struct {
		change func(*alert.State)
		same   bool
	}{
		"name":    {change: func(s *alert.State) { s.Name = "b" }},
		"phase":   {change: func(s *alert.State) { s.Phase = alert.Silenced }},
		"since":   {change: func(s *alert.State) { s.Since = time.Unix(2, 0) }},
		"told":    {change: func(s *alert.State) { s.Told = false }},
		"notify":  {change: func(s *alert.State) { s.Notify = []string{"dev"} }},
		"zone":    {change: func(s *alert.State) { s.Since = s.Since.UTC() }, same: true},
		"reading": {change: func(s *alert.State) { s.Value, s.Message = 2, "n" }, same: true},
	} {
		is := was
		c.change(&is)
		if got := alert.Same([]alert.State{was}, []alert.State{is}); got != c.same {
			t.Errorf("%s: same %t", name, got)
		}
	}
}
