package openai_test

import (
	"net/http"
	"strings"
	"testing"

	"switchyard"
	"switchyard/dialect"
	"switchyard/dialect/dialecttest"
	"switchyard/dialect/openai"
	"switchyard/spool"
)

func TestExchanges(t *testing.T) { dialecttest.Run(t, openai.Dialect{}) }

// TestNothingLeft: an answer that moderation has emptied is no picture and no overload; one that lacks the list is a broken one.
func TestNothingLeft(t *testing.T) {
	pool, err := spool.New(spool.Config{Memory: 1 << 20, Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		reply    string
		outcome  switchyard.Outcome
		declined bool
	}{
		{`{"data":[{"url":"","respect_moderation":false}]}`, switchyard.Filtered, false},
		{`{"data":[]}`, switchyard.BadReply, true},
		{`{"data":[{"b64_json":""}]}`, switchyard.BadReply, false},
		{`{"data":null}`, switchyard.BadReply, false},
		{`{}`, switchyard.BadReply, false},
	} {
		body, err := pool.Read(strings.NewReader(c.reply), -1, 1<<10)
		if err != nil {
			t.Fatal(err)
		}
		_, err = (openai.Dialect{}).Decode(&dialect.Exchange{
			Target: &switchyard.Target{}, Request: &switchyard.Request{Images: 1},
			Reply: &spool.Message{Status: http.StatusOK, Header: http.Header{}, Body: body},
		})
		if e := switchyard.AsError(err); err == nil || e.Outcome != c.outcome || e.Declined != c.declined {
			t.Errorf("%s: %v, declined %t", c.reply, err, e.Declined)
		}
		_ = body.Close()
	}
}
