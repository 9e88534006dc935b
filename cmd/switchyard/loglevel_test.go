package main

import (
	"bytes"
	"net/http"
	"strings"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"switchyard/sim"
)

// TestLogLevelReload: a config that says another level than before is obeyed; one that says the same leaves alone what an
// operator has set.
func TestLogLevelReload(t *testing.T) {
	k := startKit(t, twoProviders+"log: {level: info}\n")
	if err := k.side.level.UnmarshalText([]byte("error")); err != nil {
		t.Fatal(err)
	}
	next := func(level string) {
		text := strings.Replace(*k.next.Load(), "log: {level: info}", "log: {level: "+level+"}", 1)
		k.next.Store(&text)
		if err := k.side.reload(); err != nil {
			t.Fatal(err)
		}
	}
	if next("info"); k.side.level.Level() != zap.ErrorLevel {
		t.Errorf("the same config set %s", k.side.level)
	}
	if next("debug"); k.side.level.Level() != zap.DebugLevel {
		t.Errorf("debug in the config set %s", k.side.level)
	}
}

// TestLogger: the level is that of the moment.
func TestLogger(t *testing.T) {
	var out bytes.Buffer
	log, err := newLogger(logFile{Format: "json", Level: "info"}, zapcore.AddSync(&out))
	if err != nil {
		t.Fatal(err)
	}
	log.Debug("one")
	log.level.SetLevel(zap.DebugLevel)
	log.Debug("two")
	log.level.SetLevel(zap.ErrorLevel)
	log.Info("three")
	if text := out.String(); strings.Contains(text, "one") || !strings.Contains(text, `"msg":"two"`) || strings.Contains(text, "three") {
		t.Errorf("logged: %s", text)
	}
}

// TestWhyAttemptsFailed: at debug, the log says why each attempt failed, also of those after which another target served.
func TestWhyAttemptsFailed(t *testing.T) {
	world := newWorld(t)
	world.OpenAI.Update(func(b *sim.Behavior) { b.Fault = sim.Cut })
	k := startKitWith(t, world, `
providers:
  gone: {dialect: gemini, key: AIzaSySIMKEY, base_url: "http://127.0.0.1:1"}
  wrong: {dialect: gemini, key: AIzaSyWRONG, base_url: "{google}"}
  openai: {<openai>}
  fal: {<fal>}
targets:
  gone: {provider: gone, model: gemini-nano-banana-2.1}
  wrong: {provider: wrong, model: gemini-nano-banana-2.1}
  cut: {provider: openai, model: gpt-image-2}
  flux: {provider: fal, model: fal-ai/flux/dev}
routes: [{name: all, targets: [gone, wrong, cut, flux]}]
`)
	if a := k.post(imagenPath, predict("a signal box", 1)); a.status != http.StatusOK || a.header.Get("X-Switchyard-Target") != "flux" {
		t.Fatalf("%d %s %v", a.status, a.body, a.header)
	}
	why := map[string]any{}
	for _, l := range k.logs.FilterMessage("attempt").All() {
		fields := l.ContextMap()
		why[fields["target"].(string)] = fields["error"]
	}
	for target, want := range map[string]string{"gone": "connection refused", "wrong": "HTTP 400 INVALID_ARGUMENT", "cut": "unexpected EOF"} {
		if got, _ := why[target].(string); !strings.Contains(got, want) || strings.Contains(got, "AIza") {
			t.Errorf("%s failed because of %q, want %q", target, got, want)
		}
	}
	if got, there := why["flux"]; !there || got != nil {
		t.Errorf("of what went well: %v, %t", got, there)
	}
}
