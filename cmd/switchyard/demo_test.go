package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"image"
	"io"
	"net/http"
	"net/http/cookiejar"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestDemo: the main job. Every picture comes through Switchyard, before and after Imagen's end, as asked for. How much
// faster is for people to see: no test here depends on how fast a machine is.
func TestDemo(t *testing.T) {
	dir := t.TempDir()
	var out, errs bytes.Buffer
	if code := run(t.Context(), []string{"demo", "--exit", "--json", "--speed", "100", "--out", dir}, noEnv, &out, &errs); code != 0 {
		t.Fatalf("exit status %d: %s", code, errs.String())
	}
	var all acts
	if err := json.Unmarshal(out.Bytes(), &all); err != nil {
		t.Fatalf("%s: %v", out.String(), err)
	}
	if b := all.Before; b.Images+b.Failed != 23 || b.Failed == 0 || b.Providers["google"] != b.Images || b.Cost.String() != "0.8" {
		t.Errorf("the old way: %+v", b)
	}
	for name, a := range map[string]act{"after": all.After, "retired": all.Retired} {
		made := 0
		for _, n := range a.Providers {
			made += n
		}
		if a.Images != 23 || a.Failed != 0 || made != 23 {
			t.Errorf("%s: %+v", name, a)
		}
		files, err := filepath.Glob(filepath.Join(dir, name, "*"))
		if err != nil || len(files) != 23 {
			t.Errorf("%s: %d pictures", name, len(files))
		}
		for _, file := range files {
			f, err := os.Open(file)
			if err != nil {
				t.Fatal(err)
			}
			img, _, err := image.Decode(f)
			if err != nil || img.Bounds() != image.Rect(0, 0, 1024, 1024) {
				t.Errorf("%s: %v", file, err)
			}
			_ = f.Close()
		}
	}
}

// TestDemoDashboard: without --exit the dashboard stays, and the link that is printed opens it once.
func TestDemoDashboard(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	said, says := io.Pipe()
	code := make(chan int, 1)
	go func() {
		code <- run(ctx, []string{"demo", "--json", "--speed", "100", "--out", t.TempDir()}, noEnv, io.Discard, says)
		_ = says.Close()
	}()
	link := ""
	for lines := bufio.NewScanner(said); link == "" && lines.Scan(); {
		if text := strings.TrimSpace(lines.Text()); strings.HasPrefix(text, "http") {
			link = text
		}
	}
	go func() { _, _ = io.Copy(io.Discard, said) }()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		client *http.Client
		want   string
	}{{&http.Client{Jar: jar}, "portraits"}, {&http.Client{}, "Admin token"}} {
		resp, err := c.client.Get(link)
		if err != nil {
			t.Fatal(err)
		}
		page, _ := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if !strings.Contains(string(page), c.want) {
			t.Errorf("%s does not say %q: %d %s", link, c.want, resp.StatusCode, page)
		}
	}
	stop()
	if n := <-code; n != 0 {
		t.Errorf("exit status %d", n)
	}
}

// TestDemoReload: who tries the operator's calls on the demo's sidecar can try that one, too.
func TestDemoReload(t *testing.T) {
	c := &demoCommand{Speed: 100}
	world, err := c.world()
	if err != nil {
		t.Fatal(err)
	}
	defer world.Close()
	side, err := c.sidecar(&env{t.Context(), noEnv, io.Discard, io.Discard}, world)
	if err != nil {
		t.Fatal(err)
	}
	defer side.end()
	if err := side.side.reload(); err != nil || side.side.program().Config.File == "" {
		t.Errorf("reload: %v; the config is of %q", err, side.side.program().Config.File)
	}
}

// TestDemoLeavesNothing: one that cannot start takes its folder away.
func TestDemoLeavesNothing(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	c := &demoCommand{Speed: 100}
	world, err := c.world()
	if err != nil {
		t.Fatal(err)
	}
	defer world.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.sidecar(&env{ctx, noEnv, io.Discard, io.Discard}, world); err == nil {
		t.Fatal("it has started")
	}
	if left, err := os.ReadDir(os.TempDir()); err != nil || len(left) != 0 {
		t.Errorf("%v is left: %v", left, err)
	}
}
