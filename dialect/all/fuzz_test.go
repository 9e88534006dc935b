package all_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"switchyard"
	"switchyard/dialect"
	"switchyard/spool"
)

// eachSection calls do with the head and the body of each section of that name in the dialects' recorded exchanges.
func eachSection(f *testing.F, name string, do func(head *bufio.Reader, body string)) {
	f.Helper()
	files, err := filepath.Glob("../*/testdata/*.txtar")
	if err != nil || len(files) == 0 {
		f.Fatalf("no exchanges: %v", err)
	}
	for _, file := range files {
		ar, err := txtar.ParseFile(file)
		if err != nil {
			f.Fatal(err)
		}
		for _, s := range ar.Files {
			if s.Name == name {
				head, body, _ := strings.Cut(string(s.Data), "\n\n")
				do(bufio.NewReader(strings.NewReader(head+"\n\n")), strings.TrimSuffix(body, "\n"))
			}
		}
	}
}

// sound checks that a body that goes out is as long as it says, and that JSON is JSON.
func sound(t *testing.T, what string, h http.Header, b switchyard.Blob) {
	t.Helper()
	if b == nil {
		return
	}
	r, err := b.Open()
	if err != nil {
		t.Logf("%s: %v", what, err) // such as base64 that is none
		return
	}
	defer r.Close()
	p, err := io.ReadAll(r)
	if err != nil {
		t.Logf("%s: %v", what, err)
		return
	}
	if n := b.Len(); n >= 0 && n != int64(len(p)) {
		t.Errorf("%s is %d bytes, and says %d", what, len(p), n)
	}
	if strings.HasPrefix(h.Get("Content-Type"), "application/json") && !json.Valid(p) {
		t.Errorf("%s is no JSON: %q", what, p)
	}
}

// FuzzRequest: whatever an app sends is a request that every back can write, is no generation, or is refused in the app's own
// terms.
func FuzzRequest(f *testing.F) {
	eachSection(f, "app.http", func(head *bufio.Reader, body string) {
		r, err := http.ReadRequest(head)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(r.URL.Path, r.Header.Get("Content-Type"), body)
	})
	for path, body := range map[string]string{ // with values of the wrong kind and size
		"/fal-ai/flux/dev": `{"prompt":"a","image_size":{"width":1},"seed":-1}`,
		"/fal-ai/pulid":    `{"prompt":"a","reference_images":[{"image_url":"data:image/png;base64,AA=="}],"mask_url":1}`,
		"/x/y":             `{"prompt":"a","image_urls":{"x":null},"safety_tolerance":9,"image_size":"auto_2K"}`,
		"/v1/predictions":  `{"version":"stability-ai/sdxl:7762fd07","input":{"image":"data:,","width":1,"seed":-1},"stream":true}`,
		"/v1/models/black-forest-labs/flux-2-pro/predictions": `{"input":{"prompt":"a","input_images":[1],"input_image_2":"https://x.test/a","aspect_ratio":"custom"}}`,
		"/v1/models/bytedance/seedream-4/predictions":         `{"input":{"prompt":"a","size":"custom","width":1e3,"max_images":99},"webhook":null}`,
	} {
		f.Add(path, "application/json", body)
	}
	pool := newPool(f)
	backs := wires(f, pool, loads()[0])
	picture := switchyard.Image{Blob: spool.Bytes(loads()[0].picture), MIME: "image/png"}
	f.Fuzz(func(t *testing.T, path, contentType, text string) {
		body, err := arrive(pool, contentType, []byte(text))
		if err != nil {
			return
		}
		defer body.Close()
		for _, front := range backs {
			if front.Route("", http.MethodPost, path) != dialect.Generate {
				continue
			}
			msg := &spool.Message{Method: http.MethodPost, Path: path, Header: http.Header{"Content-Type": {contentType}}, Body: body}
			req, err := front.DecodeRequest(msg)
			if errors.Is(err, dialect.ErrNotGeneration) {
				continue
			}
			if err != nil {
				e := new(switchyard.Error)
				if !errors.As(err, &e) {
					t.Fatalf("%s: %v is no error of the app's", front.Name(), err)
				}
				reply := front.EncodeError(&switchyard.Request{Dialect: front.Name(), Path: path}, e)
				if reply.Status < 400 || reply.Status >= 500 {
					t.Errorf("%s: status %d for %v", front.Name(), reply.Status, err)
				}
				sound(t, front.Name()+" error", reply.Header, reply.Body)
				continue
			}
			for _, back := range backs {
				bare := &switchyard.Target{Name: "bare", Provider: back.Name(), Dialect: back.Name(), Model: req.Model}
				for _, target := range []*switchyard.Target{back.target, bare} {
					ready := dialect.Supply{}
					for _, need := range back.Needs(target, req) {
						ready[need.Image] = picture
					}
					if out, err := back.Encode(target, req, ready); err == nil {
						sound(t, back.Name()+" request", out.Header, out.Body)
					}
				}
			}
			if out, err := front.Forward(front.target, req, msg); err == nil {
				sound(t, front.Name()+" forwarded", out.Header, out.Body)
			}
			res := &switchyard.Result{Created: time.Unix(1763841600, 0), Images: []switchyard.Image{picture}}
			if reply, err := front.EncodeResult(req, res); err == nil {
				sound(t, front.Name()+" answer", reply.Header, reply.Body)
			}
		}
	})
}

// FuzzAnswer: whatever a provider answers is a step or an error with an outcome.
func FuzzAnswer(f *testing.F) {
	eachSection(f, "reply.http", func(head *bufio.Reader, body string) {
		r, err := http.ReadResponse(head, nil)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(r.StatusCode, r.Header.Get("Content-Type"), body)
	})
	pool := newPool(f)
	all := wires(f, pool, loads()[0])
	picture := switchyard.Image{Blob: spool.Bytes(loads()[0].picture), MIME: "image/png"}
	f.Fuzz(func(t *testing.T, status int, contentType, text string) {
		if status < 200 || status > 599 {
			return
		}
		body, err := arrive(pool, contentType, []byte(text))
		if err != nil {
			body, err = pool.Read(strings.NewReader(text), int64(len(text)), 1<<20)
		}
		if err != nil {
			return
		}
		defer body.Close()
		for _, back := range all {
			step, err := back.Decode(&dialect.Exchange{
				Target: back.target, Request: back.req, Sent: back.sent,
				Reply: &spool.Message{Status: status, Header: http.Header{"Content-Type": {contentType}}, Body: body},
			})
			if err != nil {
				e := new(switchyard.Error)
				if !errors.As(err, &e) || e.Outcome == "" {
					t.Fatalf("%s: %v has no outcome", back.Name(), err)
				}
				for _, front := range all {
					reply := front.EncodeError(front.req, e)
					sound(t, front.Name()+" error", reply.Header, reply.Body)
				}
				continue
			}
			if (step.Result == nil) == (step.Next == nil) {
				t.Fatalf("%s: %+v is no step", back.Name(), step)
			}
			if step.Result == nil {
				continue
			}
			for i := range step.Result.Images {
				if step.Result.Images[i].Blob == nil { // fetched by its URL
					step.Result.Images[i] = picture
				}
			}
			for _, front := range all {
				if reply, err := front.EncodeResult(front.req, step.Result); err == nil {
					sound(t, front.Name()+" answer", reply.Header, reply.Body)
				}
			}
		}
	})
}
