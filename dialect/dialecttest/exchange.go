// Package dialecttest runs a dialect against recorded exchanges: one txtar file each, under the dialect's testdata.
//
// The sections, in the order of a request's life (those in the left column are given, the others are checked, and
// written anew by -update):
//
//	app.http               what the app sends
//	          error.json   what is wrong with it; then only answer.http follows
//	          request.json what it means
//	          forward.http what a provider of the same dialect is sent
//	target.json            {"model": …, "params": …}: whom to send it to; if missing, the app's own model
//	          upstream.http
//	reply.http             what the provider answers
//	          next.http    what it is sent next, if that was not all; then reply2.http, next2.http, …
//	          result.json  what the answer means, or why it is none
//	          answer.http  what the app gets
//
// A section named passes holds the base that the app calls, and says that the request is no generation and passes
// through. A section named files holds the same, and says that the request is about files:
//
//	call.json    what it asks for
//	file.json    what the app says of its file
//	answer.http  what the app gets, for a file of which all is known
//
// The text <PNG1> stands for the bytes of a picture of one pixel. In a new file, leave the checked sections empty or
// leave them out, and -update fills them; forward.http is only checked if it is there.
package dialecttest

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"switchyard"
	"switchyard/dialect"
	"switchyard/spool"
)

var update = flag.Bool("update", false, "write the checked sections of the exchanges anew")

// PNG1 is a picture of one pixel, in base64.
const PNG1 = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="

// Run checks every exchange under testdata of the package that is being tested, and its models.json, if it has one.
func Run(t *testing.T, d dialect.Dialect) {
	t.Helper()
	if _, err := os.Stat("models.json"); err == nil { // else the table is another dialect's
		t.Run("models.json", checkModels)
	}
	files, err := filepath.Glob(filepath.Join("testdata", "*.txtar"))
	if err != nil || len(files) == 0 {
		t.Fatalf("dialect %s has no exchanges: %v", d.Name(), err)
	}
	pool, err := spool.New(spool.Config{Memory: 1 << 20, Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			ar, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			x := &exchange{T: t, d: d, pool: pool, ar: ar}
			x.run()
			if *update {
				if err := os.WriteFile(file, txtar.Format(x.ar), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// exchange is one file being run.
type exchange struct {
	*testing.T
	d    dialect.Dialect
	pool *spool.Pool
	ar   *txtar.Archive
}

func (x *exchange) run() {
	msg := x.request(x.section("app.http"))
	if x.has("passes") { // it passes through
		if op := x.d.Route(strings.TrimSpace(x.section("passes")), msg.Method, msg.Path); op != dialect.Other {
			x.Errorf("%s %s: op %d, want it to pass through", msg.Method, msg.Path, op)
		}
		return
	}
	if x.has("files") {
		x.files(strings.TrimSpace(x.section("files")), msg)
		return
	}
	if op := x.d.Route("", msg.Method, msg.Path); op != dialect.Generate {
		x.Fatalf("%s %s: op %d, want a generation", msg.Method, msg.Path, op)
	}
	x.d.TakeKey(msg.Header, msg.Query)
	req, err := x.d.DecodeRequest(msg)
	if err != nil {
		x.check("error.json", dumpError(err))
		x.answer(x.d.EncodeError(&switchyard.Request{Dialect: x.d.Name(), Path: msg.Path}, switchyard.AsError(err)))
		return
	}
	req.Base = "http://sidecar.test"
	x.check("request.json", dumpRequest(req))
	req.Dialect, req.Path = x.d.Name(), msg.Path // the proxy knows these from the address
	target := x.target(req)
	if x.has("forward.http") {
		out, err := x.d.Forward(target, req, msg)
		if err != nil {
			x.Fatal(err)
		}
		x.check("forward.http", x.dumpOutgoing(out))
	}
	if x.has("reply.http") {
		x.exchange(target, req)
	}
}

// exchange sends the request and follows the steps to their end.
func (x *exchange) exchange(target *switchyard.Target, req *switchyard.Request) {
	out, err := x.d.Encode(target, req, x.supply(target, req))
	if err != nil {
		x.Fatal(err)
	}
	x.check("upstream.http", x.dumpOutgoing(out))
	for n := ""; ; {
		step, err := x.d.Decode(&dialect.Exchange{Target: target, Request: req, Sent: out, Reply: x.reply(x.section("reply" + n + ".http"))})
		switch {
		case err != nil:
			x.check("result.json", dumpError(err))
			e := switchyard.AsError(err)
			x.answer(x.d.EncodeError(req, &switchyard.Error{Kind: switchyard.KindOf(e.Outcome), RetryAfter: e.RetryAfter, Output: e.Output, Usage: e.Usage}))
			return
		case step.Result != nil:
			x.check("result.json", dumpResult(step.Result))
			step.Result.Created = time.Unix(1763841600, 0).UTC()
			reply, err := x.d.EncodeResult(req, step.Result)
			if err != nil {
				x.Fatal(err)
			}
			x.answer(reply)
			return
		}
		x.check("next"+n+".http", fmt.Sprintf("# poll=%t job=%q\n", step.Poll, step.Job)+x.dumpOutgoing(step.Next))
		out = step.Next
		if n == "" {
			n = "2"
		} else {
			n = string(n[0] + 1)
		}
	}
}

// supply makes ready what the request needs, as if it had been fetched.
func (x *exchange) supply(target *switchyard.Target, req *switchyard.Request) dialect.Supply {
	supply := dialect.Supply{}
	png, _ := base64.StdEncoding.DecodeString(PNG1)
	for _, need := range x.d.Needs(target, req) {
		supply[need.Image] = switchyard.Image{Blob: spool.Bytes(png), MIME: "image/png"}
	}
	return supply
}

func (x *exchange) target(req *switchyard.Request) *switchyard.Target {
	target := &switchyard.Target{Name: "test", Provider: "test", Dialect: x.d.Name(), Model: req.Model}
	if x.has("target.json") {
		var given struct {
			Model  string                     `json:"model"`
			Params map[string]json.RawMessage `json:"params"`
		}
		if err := json.Unmarshal([]byte(x.section("target.json")), &given); err != nil {
			x.Fatal(err)
		}
		target.Model, target.Params = given.Model, given.Params
	}
	target.Row = x.d.Models().Find(target.Model)
	return target
}

func (x *exchange) index(name string) int {
	return slices.IndexFunc(x.ar.Files, func(f txtar.File) bool { return f.Name == name })
}

func (x *exchange) has(name string) bool { return x.index(name) >= 0 }

func (x *exchange) section(name string) string {
	x.Helper()
	i := x.index(name)
	if i < 0 {
		x.Fatalf("no section %s", name)
	}
	return string(x.ar.Files[i].Data)
}

// check compares got with a section, or writes it there.
func (x *exchange) check(name, got string) {
	x.Helper()
	if !strings.HasSuffix(got, "\n") {
		got += "\n"
	}
	i := x.index(name)
	switch {
	case *update && i < 0:
		x.ar.Files = append(x.ar.Files, txtar.File{Name: name, Data: []byte(got)})
	case *update:
		x.ar.Files[i].Data = []byte(got)
	case i < 0:
		x.Errorf("no section %s; got:\n%s", name, got)
	case string(x.ar.Files[i].Data) != got:
		x.Errorf("%s: got\n%s\nwant\n%s", name, got, x.ar.Files[i].Data)
	}
}

func (x *exchange) answer(reply *dialect.Reply) {
	x.Helper()
	x.check("answer.http", fmt.Sprintf("%d %s\n%s\n%s", reply.Status, http.StatusText(reply.Status),
		dumpHeader(reply.Header), x.text(reply.Body, reply.Header.Get("Content-Type"))))
}

var png1 = func() []byte { b, _ := base64.StdEncoding.DecodeString(PNG1); return b }()

func (x *exchange) request(text string) *spool.Message {
	head, body, _ := strings.Cut(text, "\n\n")
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(head + "\n\n")))
	if err != nil {
		x.Fatal(err)
	}
	return &spool.Message{Method: r.Method, Path: r.URL.Path, Query: r.URL.Query(), Header: r.Header, Body: x.body(r.Header, body)}
}

func (x *exchange) reply(text string) *spool.Message {
	head, body, _ := strings.Cut(text, "\n\n")
	r, err := http.ReadResponse(bufio.NewReader(strings.NewReader(head+"\n\n")), nil)
	if err != nil {
		x.Fatal(err)
	}
	_ = r.Body.Close()
	return &spool.Message{Header: r.Header, Status: r.StatusCode, Body: x.body(r.Header, body)}
}

func (x *exchange) body(h http.Header, text string) *spool.Body {
	if strings.HasPrefix(h.Get("Content-Type"), "multipart/") {
		text = strings.ReplaceAll(text, "\n", "\r\n")
	} else if !strings.HasPrefix(h.Get("Content-Type"), "text/event-stream") {
		text = strings.TrimSuffix(text, "\n")
	}
	text = strings.ReplaceAll(text, "<PNG1>", string(png1))
	b, err := x.pool.Read(strings.NewReader(text), -1, 1<<20)
	if err != nil {
		x.Fatal(err)
	}
	x.Cleanup(func() { _ = b.Close() })
	return b
}

var boundary = regexp.MustCompile(`boundary=([0-9a-zA-Z]+)`)

func (x *exchange) dumpOutgoing(out *dialect.Outgoing) string {
	line := out.Method + " " + out.Path
	if len(out.Query) > 0 {
		line += "?" + out.Query.Encode()
	}
	if out.Base != "" {
		line += " at " + out.Base
	}
	text := line + "\n" + dumpHeader(out.Header)
	if out.Body != nil {
		text += "\n" + x.text(out.Body, out.Header.Get("Content-Type"))
	}
	if m := boundary.FindStringSubmatch(text); m != nil {
		text = strings.ReplaceAll(text, m[1], "BOUNDARY")
	}
	return strings.ReplaceAll(text, "\r\n", "\n")
}

func dumpHeader(h http.Header) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(h)) {
		fmt.Fprintf(&b, "%s: %s\n", strings.ToLower(name), strings.Join(h[name], ", "))
	}
	return b.String()
}

// text is a body to be read by people: JSON on one line as it is, pictures by their stand-in.
func (x *exchange) text(b switchyard.Blob, contentType string) string {
	if b == nil {
		return ""
	}
	r, err := b.Open()
	if err != nil {
		x.Fatal(err)
	}
	defer r.Close()
	p, err := io.ReadAll(r)
	if err != nil {
		x.Fatal(err)
	}
	if int64(len(p)) != b.Len() {
		x.Errorf("body of %d bytes says that it has %d", len(p), b.Len())
	}
	if strings.Contains(contentType, "json") && !json.Valid(p) {
		x.Errorf("invalid JSON: %s", p)
	}
	return string(bytes.ReplaceAll(p, png1, []byte("<PNG1>")))
}

func dumpError(err error) string {
	e := &switchyard.Error{}
	if !errors.As(err, &e) {
		return fmt.Sprintf("not a *switchyard.Error: %v", err)
	}
	return dump(map[string]any{
		"kind": e.Kind, "outcome": e.Outcome, "unbilled": e.Unbilled,
		"retry_after": e.RetryAfter.String(), "dead": e.Dead, "detail": e.Detail, "param": e.Param,
	})
}

func dump(v any) string {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err.Error()
	}
	return string(b)
}
