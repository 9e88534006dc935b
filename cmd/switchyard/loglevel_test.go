package main

import (
	"bytes"
	"strings"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
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
