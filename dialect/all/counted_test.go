package all_test

import (
	"reflect"
	"strings"
	"testing"

	"switchyard"
	"switchyard/dialect"
	"switchyard/dialect/gemini"
	"switchyard/dialect/openai"
	"switchyard/spool"
)

// TestCounted: of what events say was used only that is taken which they say of all of it.
func TestCounted(t *testing.T) {
	const (
		tokens = `"usage":{"input_tokens":13,"input_tokens_details":{"image_tokens":3,"text_tokens":10},"output_tokens":272,"total_tokens":285}`
		counts = `"usageMetadata":{"promptTokenCount":566,"candidatesTokenCount":1120,"thoughtsTokenCount":210,` +
			`"promptTokensDetails":[{"modality":"IMAGE","tokenCount":558}],"candidatesTokensDetails":[{"modality":"IMAGE","tokenCount":1120}]}`
	)
	pool := newPool(t)
	for _, c := range []struct {
		back  dialect.Counter
		event string
		n     int
		want  *switchyard.Usage
	}{
		{openai.Dialect{}, `{"type":"image_generation.completed","b64_json":"",` + tokens + `}`, 1, &switchyard.Usage{TextIn: 10, ImageIn: 3, ImageOut: 272}},
		{openai.Dialect{}, `{"type":"image_edit.completed",` + tokens + `}`, 1, &switchyard.Usage{TextIn: 10, ImageIn: 3, ImageOut: 272}},
		{openai.Dialect{}, `{"type":"image_generation.completed",` + tokens + `}`, 2, nil}, // each of its own, or each of both
		{openai.Dialect{}, `{"type":"image_generation.partial_image",` + tokens + `}`, 1, nil},
		{openai.Dialect{}, `{"type":"image_generation.completed","usage":null}`, 1, nil},

		{gemini.Dialect{}, `{"candidates":[{"content":{},"finishReason":"STOP"}],` + counts + `}`, 3, &switchyard.Usage{TextIn: 8, ImageIn: 558, TextOut: 210, ImageOut: 1120}},
		{gemini.Dialect{}, `{"candidates":[{"content":{"parts":[]}}],` + counts + `}`, 1, nil},
		{gemini.Dialect{}, `{"promptFeedback":{"blockReason":"SAFETY"},` + counts + `}`, 1, nil},
	} {
		body, err := pool.Read(strings.NewReader(c.event), -1, 1<<10)
		if err != nil {
			t.Fatal(err)
		}
		event, err := spool.Scan(body)
		if err != nil {
			t.Fatal(err)
		}
		if got := c.back.Counted(event, c.n); !reflect.DeepEqual(got, c.want) || !strings.Contains(c.event, `"`+c.back.Counts()+`"`) {
			t.Errorf("%s, one of %d: %+v, want %+v", c.event, c.n, got, c.want)
		}
		_ = body.Close()
	}
}
