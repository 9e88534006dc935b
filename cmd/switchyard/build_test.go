package main

import "testing"

// TestBases: an address may end in the version, as providers' documents have it, since apps' paths have it too.
func TestBases(t *testing.T) {
	for _, c := range []struct{ dialect, configured, base string }{
		{"openai", "https://api.example.com/v1", "https://api.example.com"},
		{"openai", "https://api.example.com/v1/", "https://api.example.com"},
		{"openai", "https://api.example.com/openai", "https://api.example.com/openai"},
		{"gemini", "https://api.example.com/v1beta", "https://api.example.com"},
		{"vertex", "https://api.example.com/v1beta1/", "https://api.example.com"},
		{"replicate", "https://api.example.com/v1", "https://api.example.com"},
		{"fal", "https://api.example.com/v12", "https://api.example.com/v12"},
		{passthrough, "https://api.example.com/v1", "https://api.example.com/v1"},
		{"gemini", "", "https://generativelanguage.googleapis.com"},
	} {
		if got := (providerFile{Dialect: c.dialect, BaseURL: c.configured}).bases()[""]; got != c.base {
			t.Errorf("%s %q: %q, want %q", c.dialect, c.configured, got, c.base)
		}
	}
}
