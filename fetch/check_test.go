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
