package main

import (
	"context"
	"encoding/base64"
	"net/http"
	"strings"

	"switchyard"
	"switchyard/sim"
)

// scenario is one kind of load.
type scenario struct {
	group  string // S1 to S4
	name   string
	call   call
	rate   int  // requests a second; 0 for a closed loop
	many   int  // callers of a closed loop
	total  int  // requests of a turn
	plain  bool // whether the baselines can do it, too
	direct bool // whether the upstream itself is asked, for the added latency

	bars []bar
}

func (s scenario) load(ctx context.Context, base string, total int) sample {
	if s.rate > 0 {
		return openLoop(ctx, base, s.call, s.rate, total)
	}
	return closed(ctx, base, s.call, s.many, total)
}

// to asks for a target by the header that the routes look at.
func to(target string) http.Header {
	if target == "" {
		return nil
	}
	return http.Header{"X-To": {target}}
}

const (
	predictPath = "/v1beta/models/imagen-4.0-generate-001:predict"
	contentPath = "/v1beta/models/gemini-3-pro-image:generateContent"
	imagesPath  = "/v1/images/generations"

	long      = "a signal box at dusk, with the light of the last train on its windows and on the wet rails" // asks the upstream for four pictures
	fourMB    = 4 * pictureSize * 4 / 3
	predict4  = `{"instances":[{"prompt":"` + long + `"}],"parameters":{"sampleCount":4}}`
	generate4 = `{"model":"gpt-image-1-mini","prompt":"` + long + `","n":4,"size":"1024x1024"}`
	dallE4    = `{"model":"dall-e-2","prompt":"` + long + `","n":4,"size":"1024x1024"}`
)

func scenarios(o options) []scenario {
	n := func(total int) int {
		if o.short {
			return max(total/20, 4)
		}
		return total
	}
	reference := base64.StdEncoding.EncodeToString(sim.Picture(switchyard.Size{Width: 512, Height: 512}, "png", sim.Art{Bytes: 8 << 20}))
	edit := `{"contents":[{"parts":[{"text":"a hat"},{"inlineData":{"mimeType":"image/png","data":"` + reference + `"}}]}],"generationConfig":{"responseModalities":["IMAGE"]}}`
	post := func(path, body, target string, least int64) call {
		return call{http.MethodPost, path, body, to(target), least}
	}
	all := []scenario{
		{
			group: "S1", name: "small JSON, passed through", many: 32, total: n(40_000), plain: true, call: call{http.MethodGet, "/v1/models", "", nil, 1000},
			bars: []bar{{"CPU a request", perRequest, ratio, 1.5}},
		},
		{
			group: "S1", name: "small generation", many: 32, total: n(20_000), plain: true, call: post(imagesPath, `{"model":"gpt-image-1-mini","prompt":"x"}`, "", 200),
			bars: []bar{{"CPU a request", perRequest, ratio, 3}},
		},
		{group: "S1", name: "small generation, 1000/s", rate: 1000, total: n(10_000), plain: true, direct: true, call: post(imagesPath, `{"model":"gpt-image-1-mini","prompt":"x"}`, "", 200)},
		{
			group: "S2", name: "events, 100 streams", many: 100, total: n(1000), plain: true,
			call: post("/v1/chat/completions", `{"stream":true,"pad":"`+strings.Repeat("x", 100)+`"}`, "", 1000),
			bars: []bar{{"CPU a stream", perRequest, ratio, 1.3}, {"first byte", firstByte, ratio, 1.2}},
		},
	}
	for _, callers := range []int{16, 100} {
		s3 := func(name string, c call, bars ...bar) {
			limit := map[int]float64{16: 72, 100: 96}[callers]
			bars = append(bars, bar{"peak RSS, MiB", peakRSS, absolute, limit})
			all = append(all, scenario{group: "S3", name: name, many: callers, total: n(400), plain: c.header == nil, call: c, bars: bars})
		}
		s3("generation 4 × 2 MiB, transparent", post(imagesPath, generate4, "", fourMB), bar{"CPU a MB", perMB, ratio, 2})
		s3("Imagen → OpenAI", post(predictPath, predict4, "gpt", fourMB), bar{"CPU-ms a MB", perMB, absolute, 0.45})
		s3("OpenAI → Imagen", post(imagesPath, generate4, "imagen", fourMB), bar{"CPU-ms a MB", perMB, absolute, 0.45})
		s3("fal URLs → Imagen", post(predictPath, predict4, "flux", fourMB), bar{"CPU-ms a MB", perMB, absolute, 0.60})
		s3("Imagen → hosted URLs", post(imagesPath, dallE4, "imagen", 100), bar{"CPU-ms a picture's MB", perPictureMB, absolute, 0.60})
	}
	return append(all,
		scenario{group: "S4", name: "8 MiB reference, transparent", many: 32, total: n(320), plain: true, call: post(contentPath, edit, "", 100), bars: s4},
		scenario{group: "S4", name: "8 MiB reference, generateContent → edits", many: 32, total: n(320), call: post(contentPath, edit, "gpt", 100), bars: s4},
	)
}

var s4 = []bar{{"CPU-ms a MB", perMB, absolute, 0.45}, {"peak RSS, MiB", peakRSS, absolute, 96}}
