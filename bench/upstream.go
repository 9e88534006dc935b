package main

import (
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strconv"
	"strings"
	"time"

	"switchyard"
	"switchyard/sim"
)

const pictureSize = 2 << 20

// upstream is every provider at once, as fast as it can be: all its answers are made beforehand.
type upstream struct {
	picture []byte // a real PNG of exactly pictureSize
	imagen  []byte // 4 pictures
	openai  []byte
	one     []byte // a small generation
	fal     []byte // 4 addresses
	edited  []byte // generateContent with a small picture
}

// small1K is a JSON document of a kilobyte.
var small1K = []byte(`{"object":"list","pad":"` + strings.Repeat("x", 990) + `"}`)

func newUpstream(address string) *upstream {
	u := &upstream{picture: sim.Picture(switchyard.Size{Width: 1024, Height: 1024}, "png", sim.Art{Provider: "openai", Prompt: "bench", Bytes: pictureSize})}
	tiny := base64.StdEncoding.EncodeToString(sim.Picture(switchyard.Size{Width: 16, Height: 16}, "png", sim.Art{}))
	b64 := base64.StdEncoding.EncodeToString(u.picture)
	four := func(one string) string { return strings.Repeat(one+",", 3) + one }
	u.imagen = []byte(`{"predictions":[` + four(`{"mimeType":"image/png","bytesBase64Encoded":"`+b64+`"}`) + `]}`)
	u.openai = []byte(`{"created":1763841600,"background":"opaque","data":[` + four(`{"b64_json":"`+b64+`"}`) + `],"output_format":"png","quality":"low","size":"1024x1024","usage":{"input_tokens":9,"input_tokens_details":{"image_tokens":0,"text_tokens":9},"output_tokens":272,"total_tokens":281}}`)
	u.one = []byte(`{"created":1763841600,"data":[{"b64_json":"` + tiny + `"}],"output_format":"png","quality":"low","size":"1024x1024","usage":{"input_tokens":9,"input_tokens_details":{"image_tokens":0,"text_tokens":9},"output_tokens":272,"total_tokens":281}}`)
	u.fal = []byte(`{"images":[` + four(`{"url":"http://`+address+`/files/a.png","width":1024,"height":1024,"content_type":"image/png"}`) + `],"timings":{"inference":0.1},"seed":1,"has_nsfw_concepts":[false,false,false,false],"prompt":"x"}`)
	u.edited = []byte(`{"candidates":[{"content":{"role":"model","parts":[{"inlineData":{"mimeType":"image/png","data":"` + tiny + `"}}]},"finishReason":"STOP","index":0}],"usageMetadata":{"promptTokenCount":4,"candidatesTokenCount":1290,"totalTokenCount":1294,"candidatesTokensDetails":[{"modality":"IMAGE","tokenCount":1290}]}}`)
	return u
}

func (u *upstream) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	body, kind := small1K, "application/json"
	switch path := r.URL.Path; {
	case strings.HasSuffix(path, "/chat/completions"):
		events(w)
		return
	case strings.HasPrefix(path, "/files/"):
		body, kind = u.picture, "image/png"
	case strings.HasSuffix(path, ":predict"):
		body = u.imagen
	case strings.HasSuffix(path, ":generateContent"):
		body = u.edited
	case strings.HasSuffix(path, "/images/generations") && r.ContentLength < 80: // the short prompt
		body = u.one
	case strings.HasSuffix(path, "/images/generations"):
		body = u.openai
	case strings.HasSuffix(path, "/images/edits"):
		body = u.one
	case strings.HasPrefix(path, "/fal-ai/"):
		body = u.fal
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = w.Write(body)
}

// events are 100 chunks, a millisecond apart, each with the time it left.
func events(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/event-stream")
	control := http.NewResponseController(w)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for range 100 {
		<-tick.C
		fmt.Fprintf(w, "data: {\"at\":%d}\n\n", time.Now().UnixNano())
		_ = control.Flush()
	}
}

func serveUpstream(address string) error {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	return (&http.Server{Handler: newUpstream(address), ReadHeaderTimeout: time.Minute}).Serve(l)
}

// serveBare is the baseline: a reverse proxy that does nothing else.
func serveBare(address, to string) error {
	target, err := url.Parse(to)
	if err != nil {
		return err
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost, transport.MaxIdleConns, transport.DisableCompression = 1024, 0, true
	proxy := &httputil.ReverseProxy{Transport: transport, Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }, FlushInterval: -1}
	return (&http.Server{Addr: address, Handler: proxy, ReadHeaderTimeout: time.Minute}).ListenAndServe()
}
