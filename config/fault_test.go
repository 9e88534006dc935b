package config_test

import (
	"errors"
	"fmt"
	"io"
	"testing"

	"switchyard/config"
)

const placed = `server:
  listen: here
providers:
  google:
    dialect: gemini
    breaker: {failures: 3}
targets:
  a.b/c: {weight: 3}
keys:
  - name: x
`

func TestAt(t *testing.T) {
	d := decode(t, placed, &file{})
	for path, want := range map[string]string{
		"":                                  "config.yaml:1:1",
		"server":                            "config.yaml:1:1",
		"server.listen":                     "config.yaml:2:11",
		"providers.google":                  "config.yaml:4:3",
		"providers.google.breaker.failures": "config.yaml:6:25",
		"providers.google.base_url":         "config.yaml:4:3", // not there: what is around it
		"providers.google.limit.rate":       "config.yaml:4:3",
		`targets["a.b/c"].weight`:           "config.yaml:8:19",
		`targets["a.b/c"].price`:            "config.yaml:8:3",
		`targets["none.such"]`:              "config.yaml:7:1",
		"keys[0].name":                      "config.yaml:10:11",
		"keys[0].secret":                    "config.yaml:10:5",
		"keys[7].secret":                    "config.yaml:9:1",
		"nothing.at.all":                    "config.yaml:1:1",
		"][\"":                              "config.yaml:1:1",
	} {
		if got := d.At(path).String(); got != want {
			t.Errorf("%s: got %s, want %s", path, got, want)
		}
	}
}

func TestLocate(t *testing.T) {
	d := decode(t, placed, &file{})
	cause := errors.New("must be positive, got 0s")
	for _, c := range []struct {
		prefix string
		err    error
		want   string
	}{
		{"providers.google", fmt.Errorf("breaker.cooldown: %w", cause), "config.yaml:6:5: providers.google.breaker.cooldown: must be positive, got 0s"},
		{"", fmt.Errorf("server.listen: %w", cause), "config.yaml:2:11: server.listen: must be positive, got 0s"},
		{"keys[0]", fmt.Errorf("name: %w", cause), "config.yaml:10:11: keys[0].name: must be positive, got 0s"},
		{"", fmt.Errorf(`targets["a.b/c"].weight: %w`, cause), `config.yaml:8:19: targets["a.b/c"].weight: must be positive, got 0s`},
		{"server", fmt.Errorf("no such thing: %w", cause), "config.yaml:1:1: server: no such thing: must be positive, got 0s"},
		{
			"", fmt.Errorf("providers.google: %w", errors.Join(fmt.Errorf("breaker.failures: %w", cause), fmt.Errorf("dialect: %w", cause))),
			"config.yaml:5:14: providers.google.dialect: must be positive, got 0s\n" +
				"config.yaml:6:25: providers.google.breaker.failures: must be positive, got 0s",
		},
		{"", d.Errorf("server.listen", "odd: %w", cause), "config.yaml:2:11: server.listen: odd: must be positive, got 0s"},
	} {
		err := d.Locate(c.prefix, c.err)
		if err == nil || err.Error() != c.want {
			t.Errorf("got\n%v\nwant\n%s", err, c.want)
		}
		if !errors.Is(err, cause) {
			t.Errorf("%v: the cause is lost", err)
		}
	}
	if err := d.Locate("server", nil); err != nil {
		t.Errorf("nothing wrong, but %v", err)
	}
}

func TestJoin(t *testing.T) {
	d := decode(t, placed, &file{})
	a, b := d.Errorf("server.listen", "a"), d.Errorf("keys[0].name", "b")
	err := config.Join(errors.Join(config.Join(b), io.EOF), nil, config.Join(a, b), fmt.Errorf("x: %w", io.ErrUnexpectedEOF))
	want := "EOF\nx: unexpected EOF\nconfig.yaml:2:11: server.listen: a\nconfig.yaml:10:11: keys[0].name: b"
	if err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
	if !errors.Is(err, io.EOF) || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Error("a cause is lost")
	}
	if err := config.Join(nil, nil); err != nil {
		t.Errorf("got %v", err)
	}
}
