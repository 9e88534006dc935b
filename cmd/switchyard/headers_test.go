package main

import (
	"strings"
	"testing"
)

// TestHeadersOfProviders: what is a credential, or of the connection, is refused by its place in the file.
func TestHeadersOfProviders(t *testing.T) {
	_, err := load("x.yaml", []byte(`
providers:
  fal: {dialect: fal, headers: [x-team, cookie, AUTHORIZATION, "x y", traceparent, host]}
`), noEnv)
	for _, at := range []string{"headers[1]", "headers[2]", "headers[3]", "headers[5]"} {
		if err == nil || !strings.Contains(err.Error(), at) {
			t.Errorf("%s is not refused: %v", at, err)
		}
	}
	if err != nil && strings.Count(err.Error(), "no provider sees") != 4 {
		t.Errorf("%v", err)
	}
}
