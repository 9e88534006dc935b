package fetch_test

import (
	"errors"
	"testing"

	"switchyard/fetch"
)

func TestCheck(t *testing.T) {
	c := fetch.New(fetch.Config{Allow: []string{"127.0.0.2", "localhost:8080"}})
	for address, want := range map[string]error{
		"https://93.184.216.34/hook":  nil,
		"http://127.0.0.1/hook":       fetch.ErrBlocked,
		"http://[::1]/hook":           fetch.ErrBlocked,
		"http://169.254.169.254/hook": fetch.ErrBlocked,
		"http://localhost/hook":       fetch.ErrBlocked,
		"http://127.0.0.2:99/hook":    nil,
		"http://localhost:8080/hook":  nil,
		"ftp://93.184.216.34/hook":    fetch.ErrURL,
		"not an address":              fetch.ErrURL,
	} {
		if err := c.Check(t.Context(), address); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", address, err, want)
		}
	}
}

func TestBlocked(t *testing.T) {
	allow := []string{"127.0.0.2", "localhost:8080", "127.0.0.3:80", "[fd12::1]", "OPS.lan.localhost"}
	for address, want := range map[string]bool{
		"https://93.184.216.34/hook":    false,
		"http://127.0.0.1/hook":         true,
		"http://[::ffff:10.1.2.3]/hook": true,
		"http://LOCALHOST./hook":        true,
		"http://ops.localhost/hook":     true,
		"http://127.0.0.2:99/hook":      false,
		"http://localhost:8080/hook":    false,
		"http://localhost:8081/hook":    true,
		"http://chat.test/hook":         false, // nobody is asked
		"":                              false,
		"http://[::1":                   false, // malformed, which is for others to say
		"http://127.0.0.3/hook":         false,
		"https://127.0.0.3/hook":        true,
		"http://[fd12::1]:99/hook":      false,
		"http://ops.LAN.localhost/hook": false,
	} {
		if got := fetch.Blocked(address, allow); got != want {
			t.Errorf("%s: %v, want %v", address, got, want)
		}
	}
}
