package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"switchyard"
	"switchyard/fetch"
	"switchyard/sim"
)

const (
	pictureSize = 2 << 20
	largeSize   = 8 << 20
	largeMark   = "billboard" // of prompts that ask for pictures of largeSize

	// fullPrefix begins the paths of a target that reads every request to its end and refuses it; refusalsPath answers
	// how many those were.
	fullPrefix   = "/full"
	refusalsPath = "/bench/refusals"
)

// upstream plays every provider at once, as fast as possible: all its answers are made beforehand.
type upstream struct {
	picture  []byte // a real PNG of exactly pictureSize
	four     four   // of those
	large    four   // of largeSize
	one      []byte // a small generation
	fal      []byte // 4 addresses
	edited   []byte // generateContent with a small picture
	refusals atomic.Int64
}

// four is an answer with four pictures, in the words of two providers.
type four struct{ imagen, openai []byte }

// small1K is a JSON document of a kilobyte.
var small1K = []byte(`{"object":"list","pad":"` + strings.Repeat("x", 990) + `"}`)

func newUpstream(address string) *upstream {
	u := &upstream{picture: picture(pictureSize)}
	tiny := base64.StdEncoding.EncodeToString(sim.Picture(switchyard.Size{Width: 16, Height: 16}, "png", sim.Art{}))
	u.four, u.large = newFour(u.picture), newFour(picture(largeSize))
	u.one = []byte(`{"created":1763841600,"data":[{"b64_json":"` + tiny + `"}],"output_format":"png","quality":"low","size":"1024x1024","usage":{"input_tokens":9,"input_tokens_details":{"image_tokens":0,"text_tokens":9},"output_tokens":272,"total_tokens":281}}`)
	u.fal = []byte(`{"images":[` + list4(`{"url":"http://`+address+`/files/a.png","width":1024,"height":1024,"content_type":"image/png"}`) + `],"timings":{"inference":0.1},"seed":1,"has_nsfw_concepts":[false,false,false,false],"prompt":"x"}`)
	u.edited = []byte(`{"candidates":[{"content":{"role":"model","parts":[{"inlineData":{"mimeType":"image/png","data":"` + tiny + `"}}]},"finishReason":"STOP","index":0}],"usageMetadata":{"promptTokenCount":4,"candidatesTokenCount":1290,"totalTokenCount":1294,"candidatesTokensDetails":[{"modality":"IMAGE","tokenCount":1290}]}}`)
	return u
}

func picture(size int) []byte {
	return sim.Picture(switchyard.Size{Width: 1024, Height: 1024}, "png", sim.Art{Provider: "openai", Prompt: "bench", Bytes: size})
}

func list4(one string) string { return strings.Repeat(one+",", 3) + one }

func newFour(picture []byte) four {
	b64 := base64.StdEncoding.EncodeToString(picture)
	return four{
		imagen: []byte(`{"predictions":[` + list4(`{"mimeType":"image/png","bytesBase64Encoded":"`+b64+`"}`) + `]}`),
		openai: []byte(`{"created":1763841600,"background":"opaque","data":[` + list4(`{"b64_json":"`+b64+`"}`) + `],"output_format":"png","quality":"low","size":"1024x1024","usage":{"input_tokens":9,"input_tokens_details":{"image_tokens":0,"text_tokens":9},"output_tokens":272,"total_tokens":281}}`),
	}
}

func (u *upstream) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	prompt, _ := io.ReadAll(io.LimitReader(r.Body, 1<<10)) // all of the body, unless it has pictures
	_, err := io.Copy(io.Discard, r.Body)
	switch path := r.URL.Path; {
	case err != nil:
		panic(http.ErrAbortHandler)
	case strings.HasPrefix(path, fullPrefix+"/"):
		u.refusals.Add(1)
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = io.WriteString(w, `{"error":{"code":503,"message":"The model is overloaded.","status":"UNAVAILABLE"}}`)
	case path == refusalsPath:
		fmt.Fprintln(w, u.refusals.Load())
	case strings.HasSuffix(path, "/chat/completions"):
		events(w)
	default:
		body, kind := u.answer(path, prompt)
		w.Header().Set("Content-Type", kind)
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		_, _ = w.Write(body)
	}
}

func (u *upstream) answer(path string, prompt []byte) (body []byte, kind string) {
	const isJSON = "application/json"
	pictures := u.four
	if bytes.Contains(prompt, []byte(largeMark)) {
		pictures = u.large
	}
	switch {
	case strings.HasPrefix(path, "/files/"):
		return u.picture, "image/png"
	case strings.HasSuffix(path, ":predict"):
		return pictures.imagen, isJSON
	case strings.HasSuffix(path, ":generateContent"):
		return u.edited, isJSON
	case strings.HasSuffix(path, "/images/generations") && len(prompt) < 80: // the short prompt
		return u.one, isJSON
	case strings.HasSuffix(path, "/images/generations"), strings.HasSuffix(path, "/content"):
		return pictures.openai, isJSON
	case strings.HasSuffix(path, "/images/edits"):
		return u.one, isJSON
	case strings.HasPrefix(path, "/fal-ai/"):
		return u.fal, isJSON
	}
	return small1K, isJSON
}

const eventsEach = 100

// events sends chunks, a millisecond apart, each with the time at which it left.
func events(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/event-stream")
	control := http.NewResponseController(w)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for range eventsEach {
		<-tick.C
		fmt.Fprintf(w, "data: {\"at\":%d}\n\n", time.Now().UnixNano())
		_ = control.Flush()
	}
}

// serveUpstream plays servers elsewhere, as the load plays apps. Their kernel may pace what they send (see
// fetch.Unpaced), by timers that take time from whatever is running; that must not be measured, so it is turned off.
//
// It listens at two addresses: plainly, and with a certificate that it writes to ca.
func serveUpstream(address, byTLS, ca string) error {
	lc := net.ListenConfig{Control: fetch.Unpaced}
	safe, err := lc.Listen(context.Background(), "tcp", byTLS)
	if err != nil {
		return err
	}
	if safe, err = secure(safe, ca); err != nil {
		return err
	}
	l, err := lc.Listen(context.Background(), "tcp", address)
	if err != nil {
		return err
	}
	server := &http.Server{Handler: newUpstream(address), ReadHeaderTimeout: time.Minute}
	failed := make(chan error, 2)
	for _, l := range []net.Listener{safe, l} {
		go func() { failed <- server.Serve(l) }()
	}
	return <-failed
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
