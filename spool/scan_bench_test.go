package spool_test

import (
	"strings"
	"testing"

	"switchyard/spool"
)

// BenchmarkReadJSON is the way in of a small document, as answers about jobs are that have not ended.
func BenchmarkReadJSON(b *testing.B) {
	const text = `{"id":"18sajbag5xrme0d4abbar81nqm","model":"black-forest-labs/flux-schnell","version":"hidden",` +
		`"input":{"prompt":"a lighthouse","num_outputs":1,"output_format":"png"},"logs":"","output":null,"data_removed":false,` +
		`"error":null,"status":"processing","created_at":"2026-11-01T10:00:00.123Z","urls":{` +
		`"cancel":"https://api.replicate.com/v1/predictions/18sajbag5xrme0d4abbar81nqm/cancel",` +
		`"get":"https://api.replicate.com/v1/predictions/18sajbag5xrme0d4abbar81nqm"}}`
	pool := newPool(b, 1<<20)
	b.ReportAllocs()
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		body, err := pool.ReadJSON(strings.NewReader(text), int64(len(text)), 1<<20)
		if err != nil {
			b.Fatal(err)
		}
		root, err := spool.Scan(body)
		if err != nil || root.Get("status").Text() != "processing" {
			b.Fatal(err)
		}
		_ = body.Close()
	}
}
