package spool_test

import (
	"encoding/base64"
	"io"
	"strings"
	"testing"

	"switchyard/spool"
)

// BenchmarkTranslate is the way of four pictures of 2 MiB through one translation: spooled, scanned, and written as
// another provider's JSON, without and with base64 made anew.
func BenchmarkTranslate(b *testing.B) {
	picture := base64.StdEncoding.EncodeToString(noise(2 << 20))
	answer := `{"predictions":[` + strings.Repeat(`{"mimeType":"image/png","bytesBase64Encoded":"`+picture+`"},`, 3) +
		`{"mimeType":"image/png","bytesBase64Encoded":"` + picture + `"}]}`
	pool, err := spool.New(spool.Config{Memory: 24 << 20, Dir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	run := func(b *testing.B, translate func(v *spool.Value)) {
		b.SetBytes(int64(len(answer)))
		b.ReportAllocs()
		for b.Loop() {
			body, err := pool.ReadJSON(strings.NewReader(answer), int64(len(answer)), 1<<30)
			if err != nil {
				b.Fatal(err)
			}
			v, err := spool.Scan(body)
			if err != nil {
				b.Fatal(err)
			}
			translate(v)
			_ = body.Close()
		}
	}
	b.Run("scan", func(b *testing.B) { run(b, func(*spool.Value) {}) })
	b.Run("same text", func(b *testing.B) {
		run(b, func(v *spool.Value) {
			c := &spool.Composer{}
			var data []map[string]string
			for _, p := range v.Get("predictions").Items() {
				blob, err := p.Get("bytesBase64Encoded").Base64(0)
				if err != nil {
					b.Fatal(err)
				}
				data = append(data, map[string]string{"b64_json": c.Inline("", blob)})
			}
			out, err := c.JSON(map[string]any{"data": data})
			if err != nil {
				b.Fatal(err)
			}
			drain(b, out)
		})
	})
	b.Run("decoded", func(b *testing.B) {
		run(b, func(v *spool.Value) {
			for _, p := range v.Get("predictions").Items() {
				blob, err := p.Get("bytesBase64Encoded").Base64(0)
				if err != nil {
					b.Fatal(err)
				}
				drain(b, blob)
			}
		})
	})
}

func drain(b *testing.B, blob interface{ Open() (io.ReadCloser, error) }) {
	r, err := blob.Open()
	if err != nil {
		b.Fatal(err)
	}
	defer r.Close()
	if _, err := io.Copy(io.Discard, r); err != nil {
		b.Fatal(err)
	}
}
