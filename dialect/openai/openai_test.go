package openai_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

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

// TestUsage: what is sent and what is made has prices of its own, as words and as pictures.
func TestUsage(t *testing.T) {
	pool, err := spool.New(spool.Config{Memory: 1 << 20, Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	const in = `"input_tokens":330,"input_tokens_details":{"image_tokens":323,"text_tokens":7},"output_tokens":272`
	for usage, want := range map[string]switchyard.Usage{
		in: {TextIn: 7, ImageIn: 323, ImageOut: 272},
		in + `,"output_tokens_details":{"image_tokens":200,"text_tokens":72}`: {TextIn: 7, ImageIn: 323, TextOut: 72, ImageOut: 200},
		in + `,"output_tokens_details":{"image_tokens":0,"text_tokens":272}`:  {TextIn: 7, ImageIn: 323, TextOut: 272},
		`"input_tokens":9,"output_tokens":272`:                                {TextIn: 9, ImageOut: 272},
	} {
		body, err := pool.Read(strings.NewReader(`{"data":[{"b64_json":"`+dialecttest.PNG1+`"}],"usage":{`+usage+`}}`), -1, 1<<10)
		if err != nil {
			t.Fatal(err)
		}
		step, err := (openai.Dialect{}).Decode(&dialect.Exchange{
			Target: &switchyard.Target{}, Request: &switchyard.Request{Images: 1},
			Reply: &spool.Message{Status: http.StatusOK, Header: http.Header{}, Body: body},
		})
		if err != nil || step.Result.Usage == nil || *step.Result.Usage != want {
			t.Errorf("%s: %+v, %v", usage, step.Result, err)
		}
		_ = body.Close()
	}
}

// TestRetryAfter: the longer of what the two headers say.
func TestRetryAfter(t *testing.T) {
	pool, err := spool.New(spool.Config{Memory: 1 << 20, Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		seconds, milliseconds string
		want                  time.Duration
	}{
		{"", "", 0}, {"", "1500", 1500 * time.Millisecond}, {"2", "1500", 2 * time.Second}, {"1", "1500", 1500 * time.Millisecond}, {"2", "-9", 2 * time.Second}, {"2", "soon", 2 * time.Second},
	} {
		body, err := pool.Read(strings.NewReader(`{"error":{"code":"rate_limit_exceeded"}}`), -1, 1<<10)
		if err != nil {
			t.Fatal(err)
		}
		_, err = (openai.Dialect{}).Decode(&dialect.Exchange{
			Target: &switchyard.Target{}, Request: &switchyard.Request{Images: 1},
			Reply: &spool.Message{Status: http.StatusTooManyRequests, Header: http.Header{"Retry-After": {c.seconds}, "Retry-After-Ms": {c.milliseconds}}, Body: body},
		})
		if e := switchyard.AsError(err); e.Outcome != switchyard.RateLimited || e.RetryAfter != c.want {
			t.Errorf("%+v: %s after %v", c, e.Outcome, e.RetryAfter)
		}
		_ = body.Close()
	}
}

// TestTakeKey: whatever may authenticate is found, and taken out.
func TestTakeKey(t *testing.T) {
	for _, c := range []struct{ bearer, azure, want string }{
		{"", "", ""}, {"Bearer k", "", "k"}, {"bearer  k ", "", "k"}, {"", "a", "a"}, {"Bearer k", "a", "k"}, {"Basic b", "a", "a"}, {"Basic b", "", ""},
	} {
		h := http.Header{"Authorization": {c.bearer}, "Api-Key": {c.azure}}
		if got := (openai.Dialect{}).TakeKey(h, nil).Reveal(); got != c.want || len(h) > 0 {
			t.Errorf("%+v: %q; left is %v", c, got, h)
		}
	}
}

// TestForward: a target's model and params reach OpenAI whether the app named any or not; its own default is another.
func TestForward(t *testing.T) {
	pool, err := spool.New(spool.Config{Memory: 1 << 20, Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	low := map[string]json.RawMessage{"quality": json.RawMessage(`"low"`), "n": json.RawMessage("2")}
	form := func(parts ...string) string {
		text := ""
		for i := 0; i < len(parts); i += 2 {
			text += "--XX\r\nContent-Disposition: form-data; name=\"" + parts[i] + "\"\r\n\r\n" + parts[i+1] + "\r\n"
		}
		return text + "--XX--\r\n"
	}
	for _, c := range []struct {
		target     switchyard.Target
		body, want string
	}{
		{switchyard.Target{Model: "gpt-image-2", Params: low}, `{"prompt":"a"}`, `{"prompt":"a","model":"gpt-image-2","n":2,"quality":"low"}`},
		{switchyard.Target{Model: "gpt-image-2"}, `{"prompt":"a","model":null}`, `{"prompt":"a","model":"gpt-image-2"}`},
		{switchyard.Target{Model: "gpt-image-2", Native: true}, `{"prompt":"a"}`, `{"prompt":"a"}`}, // that is for OpenAI to say
		{
			switchyard.Target{Model: "gpt-image-2", Params: low},
			form("prompt", "a", "quality", "high", "image", "PNG"),
			form("model", "gpt-image-2", "n", "2", "prompt", "a", "quality", "low", "image", "PNG"),
		},
		{switchyard.Target{Model: "gpt-image-2", Native: true}, form("prompt", "a", "image", "PNG"), form("prompt", "a", "image", "PNG")},
	} {
		body, err := pool.Read(strings.NewReader(c.body), -1, 1<<10)
		if err != nil {
			t.Fatal(err)
		}
		msg := &spool.Message{Method: http.MethodPost, Header: http.Header{"Content-Type": {"application/json"}}, Body: body}
		if strings.HasPrefix(c.body, "--") {
			msg.Header.Set("Content-Type", "multipart/form-data; boundary=XX")
		}
		out, err := (openai.Dialect{}).Forward(&c.target, &switchyard.Request{Model: "gpt-image-2", Form: "generations"}, msg)
		if err != nil {
			t.Fatal(err)
		}
		r, err := out.Body.Open()
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(r); err != nil || string(got) != c.want {
			t.Errorf("%+v: got\n%s (%v), want\n%s", c.target, got, err, c.want)
		}
		_ = r.Close()
		_ = body.Close()
	}
}
