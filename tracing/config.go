package tracing

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// Config is the "tracing:" part of config.yaml.
type Config struct {
	OTLP   string  `yaml:"otlp"`   // where a collector takes OTLP over HTTP, as "http://127.0.0.1:4318"; empty: nothing is traced
	Sample float64 `yaml:"sample"` // share of the traces that begin here which are kept; one that an app began is kept if the app says so
}

// DefaultConfig is what an empty file means.
func DefaultConfig() Config { return Config{Sample: 0.1} }

// Validate names every fault by its path.
func (c Config) Validate() error {
	var errs []error
	if u, err := url.Parse(c.OTLP); c.OTLP != "" && (err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "") {
		errs = append(errs, errors.New("otlp: want http(s)://host:port")) // the value may hold a password
	}
	if !(c.Sample >= 0 && c.Sample <= 1) { // refuses NaN, too
		errs = append(errs, fmt.Errorf("sample: want a share of 0 to 1, got %v", c.Sample))
	}
	return errors.Join(errs...)
}

// traces is the collector's address for spans.
func (c Config) traces() string {
	const path = "/v1/traces"
	return strings.TrimSuffix(strings.TrimSuffix(c.OTLP, "/"), path) + path
}
