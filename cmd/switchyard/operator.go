package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
	"time"

	"switchyard"
	"switchyard/admin"
	"switchyard/config"
)

// sidecarFlags say which running sidecar a command speaks to.
type sidecarFlags struct {
	Config string `help:"The config file that the sidecar runs with, whose admin section says where it is; ./config.yaml if there is one." placeholder:"FILE"`
	Admin  string `help:"Address of the admin side, if not the file's." placeholder:"HOST:PORT"`
}

// operatorFlags are the way in, too.
type operatorFlags struct {
	sidecarFlags
	Token string `help:"Admin token, if not the file's; also SWITCHYARD_ADMIN_TOKEN." placeholder:"TOKEN"`
}

const tokenVariable = "SWITCHYARD_ADMIN_TOKEN"

// operator speaks to the admin side of a running sidecar.
type operator struct {
	ctx   context.Context
	base  string
	token switchyard.Secret
}

// operator finds out where the sidecar is, and the way in. Of the file it wants the admin section alone: whoever pulls
// the switch must not be stopped by a mistake elsewhere in it.
func (o operatorFlags) operator(e *env) (*operator, error) {
	f := defaults()
	src := configSource(e, o.Config)
	text, err := src.read()
	if err != nil {
		return nil, err
	}
	doc, unread := config.Parse(src.name, text, e.getenv)
	if unread != nil {
		doc, _ = config.Parse(src.name, section(text, "admin"), e.getenv)
	}
	_ = doc.Decode("admin", &f.Admin)
	if unread != nil && o.Admin == "" && f.Admin.equal(defaults().Admin) { // rather than take another sidecar for this one
		return nil, fmt.Errorf("%w\n--admin HOST:PORT and --token are enough without the file", unread)
	}
	at, token := f.Admin.Listen, f.Admin.Token
	if o.Admin != "" {
		at = o.Admin
	}
	if v, ok := e.getenv(tokenVariable); ok && v != "" {
		token = switchyard.NewSecret(v)
	}
	if o.Token != "" {
		token = switchyard.NewSecret(o.Token)
	}
	if !strings.Contains(at, "://") {
		at = "http://" + reachable(at)
	}
	if u, err := url.Parse(at); err != nil || u.Host == "" {
		return nil, usageError{fmt.Errorf("--admin: want HOST:PORT, got %q", o.Admin)}
	}
	return &operator{e.ctx, strings.TrimSuffix(at, "/"), token}, nil
}

// section is a top-level section of a text that is no YAML as a whole: its line, and those below it that are indented.
func section(text []byte, key string) []byte {
	var found []byte
	inside := false
	for line := range bytes.Lines(text) {
		if c := line[0]; c != ' ' && c != '\t' && c != '\n' && c != '\r' && c != '#' {
			inside = bytes.HasPrefix(line, []byte(key+":"))
		}
		if inside {
			found = append(found, line...)
		}
	}
	return found
}

// reachable is an address to call of one to listen at: all of a machine's are called by its own.
func reachable(listen string) string {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return listen
	}
	if addr, err := netip.ParseAddr(host); host == "" || err == nil && addr.IsUnspecified() {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port)
}

// unanswered is why a sidecar gave no answer.
func unanswered(at string, err error) error {
	var about *url.Error // with the address, which is told already
	if errors.As(err, &about) {
		err = about.Err
	}
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%s: no answer in time", at)
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("%s: nobody answers; is \"switchyard serve\" running there?", at)
	}
	return fmt.Errorf("%s: %w", at, err)
}

// call asks, and is the answer's JSON. What the sidecar has to say against it is the error.
func (o *operator) call(method, path string, body []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(o.ctx, 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, o.base+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("User-Agent", admin.CommandAgent+version)
	if !o.token.IsZero() {
		req.Header.Set("Authorization", "Bearer "+o.token.Reveal())
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		return nil, unanswered(o.base, err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 16<<20))
	if err != nil {
		return nil, fmt.Errorf("%s: the answer broke off", o.base)
	}
	switch {
	case resp.StatusCode == http.StatusUnauthorized && o.token.IsZero():
		return nil, fmt.Errorf("%s: the admin token is needed: --token, %s, admin.token in the config file, or the one that serve made up, which its log has", o.base, tokenVariable)
	case resp.StatusCode == http.StatusUnauthorized:
		return nil, fmt.Errorf("%s: it does not take this admin token; one that was changed is in force after a restart", o.base)
	case resp.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("%s: %s", o.base, refusalText(resp.Status, text))
	}
	return text, nil
}

// refusalText is what the sidecar says of an error. What says nothing may be another address of it, or another program.
func refusalText(status string, body []byte) string {
	var doc struct{ Error string }
	if json.Unmarshal(body, &doc) != nil || doc.Error == "" {
		return status + "; is that the admin side of a sidecar?"
	}
	return doc.Error
}

// printJSON prints an answer for machines.
func printJSON(w io.Writer, text []byte) error {
	var out bytes.Buffer
	if err := json.Indent(&out, text, "", "  "); err != nil {
		return err
	}
	_, err := fmt.Fprintln(w, strings.TrimSpace(out.String()))
	return err
}

// encodeJSON prints what a command found out, for machines.
func encodeJSON[T any](w io.Writer, v T) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// usageError is a command that was called wrongly.
type usageError struct{ err error }

func (u usageError) Error() string { return u.err.Error() }

func (u usageError) Unwrap() error { return u.err }
