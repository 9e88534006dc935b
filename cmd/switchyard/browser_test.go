package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// browser is a real Chromium before the dashboard of a kit. Whatever it complains of, and whatever it asks another host
// for, fails the test.
type browser struct {
	*kit
	ctx context.Context

	mu      sync.Mutex
	noise   []string // complaints
	foreign []string // addresses
	expect  []string // complaints with one of these texts are meant to be
	asked   int      // requests seen
}

// findChromium skips where there is none, but in CI, where nothing may be left out unseen.
func findChromium(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	if os.Getenv("CI") != "" {
		t.Fatal("there is no Chromium")
	}
	t.Skip("there is no Chromium")
	return ""
}

func (k *kit) browse() *browser {
	k.Helper()
	options := []chromedp.ExecAllocatorOption{chromedp.ExecPath(findChromium(k.T)), chromedp.WindowSize(1280, 900), chromedp.Flag("lang", "en-US")}
	if os.Geteuid() == 0 {
		options = append(options, chromedp.NoSandbox)
	}
	b := &browser{kit: k}
	ctx, end := chromedp.NewContext(context.Background(), chromedp.WithListener(b.hear), chromedp.WithAllocatorOptions(options...))
	b.ctx = ctx
	k.Cleanup(func() {
		if err := chromedp.Cancel(ctx); err != nil {
			k.Errorf("chromium: %v", err)
		}
		end()
		b.judge()
	})
	if err := chromedp.Do(ctx); err != nil {
		k.Fatalf("chromium: %v", err)
	}
	call(b, network.Enable, network.EnableParams{})
	call(b, log.Enable, cdp.Empty{})
	call(b, page.Enable, page.EnableParams{})
	return b
}

// judge fails the test for what the browser has said.
func (b *browser) judge() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, text := range b.noise {
		if !slices.ContainsFunc(b.expect, func(e string) bool { return strings.Contains(text, e) }) {
			b.Errorf("the browser complains: %s", text)
		}
	}
	for _, address := range b.foreign {
		b.Errorf("the browser asked for %s", address)
	}
	if b.asked == 0 {
		b.Error("the browser was not listened to")
	}
}

// hear is called for everything that the browser tells.
func (b *browser) hear(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		b.noise = append(b.noise, "exception: "+e.ExceptionDetails.Text)
	case *runtime.EventConsoleAPICalled:
		b.noise = append(b.noise, fmt.Sprintf("console.%s", e.Type))
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError || e.Entry.Level == log.EntryLevelWarning {
			b.noise = append(b.noise, e.Entry.Text+" "+e.Entry.URL)
		}
	case *page.EventJavascriptDialogOpening:
		b.noise = append(b.noise, "a dialog: "+e.Message)
	case *network.EventRequestWillBeSent:
		b.asked++
		if !strings.HasPrefix(e.Request.URL, "http://"+b.admin+"/") && !strings.HasPrefix(e.Request.URL, "data:") {
			b.foreign = append(b.foreign, e.Request.URL)
		}
	}
}

// tryTo does one thing within half a minute.
func tryTo[T any](b *browser, action chromedp.Action[T]) T {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, 30*time.Second)
	defer cancel()
	v, err := chromedp.Run(ctx, action)
	if err != nil {
		text, _ := chromedp.Run(b.ctx, chromedp.Evaluate[string]("document.body.innerText"))
		b.Fatalf("%v; the page says: %s", err, text)
	}
	return v
}

// call gives an order that has no action of its own.
func call[P, R any](b *browser, c cdp.Command[P, R], params P) R {
	b.Helper()
	v, err := chromedp.Call(b.ctx, c, params)
	if err != nil {
		b.Fatal(err)
	}
	return v
}

// open shows a page.
func (b *browser) open(path string) {
	b.Helper()
	tryTo(b, chromedp.Navigate("http://"+b.admin+path))
}

// login shows the token.
func (b *browser) login() {
	b.Helper()
	b.open("/admin/login")
	tryTo(b, chromedp.SendKeys(chromedp.CSS("input[name=token]"), "admin-token\r"))
	tryTo(b, chromedp.WaitVisible(chromedp.CSS(".verdict")))
}

// text is what people read at a selector.
func (b *browser) text(selector string) string {
	b.Helper()
	return strings.Join(strings.Fields(tryTo(b, chromedp.Text(chromedp.CSS(selector)))), " ")
}

// eval is what a script says.
func eval[T any](b *browser, script string) T {
	b.Helper()
	return tryTo(b, chromedp.Evaluate[T](script))
}

// click presses the mouse where an element is: pages are replaced by parts, and whoever holds a node may hold an old one.
func (b *browser) click(selector string) {
	b.Helper()
	at := eval[[]float64](b, fmt.Sprintf(`(() => {
		const e = document.querySelector(%q);
		e.scrollIntoView({block: "center"});
		const r = e.getBoundingClientRect();
		return [r.x + r.width / 2, r.y + r.height / 2];
	})()`, selector))
	tryTo(b, chromedp.MouseClickXY(at[0], at[1]))
}

// until waits for a script to say yes.
func (b *browser) until(script string) {
	b.Helper()
	tryTo(b, chromedp.Poll[bool](script, chromedp.WithPollingInterval(50*time.Millisecond), chromedp.WithPollingTimeout(20*time.Second)))
}

// shoot writes a picture of the page for people, where SWITCHYARD_SCREENSHOTS says.
func (b *browser) shoot(name string, width, height int64) {
	b.Helper()
	dir := os.Getenv("SWITCHYARD_SCREENSHOTS")
	if dir == "" {
		dir = b.TempDir()
	}
	call(b, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: width, Height: height, DeviceScaleFactor: 1, Mobile: width < 600})
	tryTo(b, chromedp.Evaluate[bool](`new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))`, chromedp.EvalAwaitPromise))
	if wide := eval[int64](b, "document.documentElement.scrollWidth"); wide > width {
		b.Errorf("%s: the page is %d wide, the window %d", name, wide, width)
	}
	picture := tryTo(b, chromedp.CaptureScreenshot())
	if len(picture) < 5000 {
		b.Errorf("%s: a picture of %d bytes shows nothing", name, len(picture))
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		b.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name+".png"), picture, 0o644); err != nil {
		b.Fatal(err)
	}
}

// lights turns them on or off.
func (b *browser) lights(scheme string) {
	b.Helper()
	call(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"},
	}})
}
