package fetch

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"
)

// The errors of a fetch, besides those of the network and of the caller's context. Whose fault they are depends on who
// named the address, so none of them is a *switchyard.Error yet. No error of this package contains a query.
var (
	ErrURL      = errors.New("not an address that is fetched")
	ErrBlocked  = errors.New("address is not public")
	ErrTooLarge = errors.New("larger than allowed")
	ErrRedirect = errors.New("redirect not followed")
	ErrEncoded  = errors.New("answer is compressed") // though we did not ask for it
)

// StatusError is the status of an answer that is neither the file nor a redirect to it.
type StatusError struct{ Code int }

func (e *StatusError) Error() string { return fmt.Sprintf("status %d", e.Code) }

const (
	maxRedirects = 5
	maxHeader    = 64 << 10
)

// Config is how a Client behaves. The zero Config is right for strangers' addresses.
type Config struct {
	Allow    []string       // host or host:port, exactly as the address spells it, that may be private
	Timeout  time.Duration  // for one fetch, redirects and body included; 0: 60 s
	Connect  time.Duration  // for one connection; 0: 5 s
	Resolver *net.Resolver  // if nil, the system's
	Roots    *x509.CertPool // whom TLS trusts; if nil, whom the system trusts
}

// Client gets files from public addresses. Many goroutines may use it; it keeps connections, until Close.
type Client struct {
	timeout   time.Duration
	dialer    *dialer
	transport *http.Transport
}

// New builds a Client.
func New(c Config) *Client {
	timeout, connect := c.Timeout, c.Connect
	if timeout <= 0 {
		timeout = time.Minute
	}
	if connect <= 0 {
		connect = 5 * time.Second
	}
	d := newDialer(c.Allow, c.Resolver, connect)
	return &Client{timeout: timeout, dialer: d, transport: &http.Transport{
		Proxy:                  nil, // a proxy would resolve the name itself, where the guard does not see it
		DialContext:            d.dial,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: c.Roots},
		TLSHandshakeTimeout:    connect,
		Protocols:              http1(),
		DisableCompression:     true, // images are compressed already, and a gzip bomb is never unpacked
		MaxResponseHeaderBytes: maxHeader,
		MaxIdleConns:           64,
		MaxIdleConnsPerHost:    64, // all pictures of a provider come from one host
		IdleConnTimeout:        30 * time.Second,
		ReadBufferSize:         2 << 10, // for heads; bodies do not go through this buffer
		WriteBufferSize:        1 << 10,
	}}
}

// Close drops the connections that are kept. Fetches under way go on.
func (c *Client) Close() { c.transport.CloseIdleConnections() }

// Fetch gets the file at address: its bytes as they arrive, and how many they are, -1 if the server does not declare it. A file of more
// than max bytes is an error: at once if its length is declared, else of the read that passes max. It is never cut short.
// Other reads fail with context.DeadlineExceeded after the time limit, which goes on until the caller closes the file; io.EOF
// means that it is whole. Only one goroutine may read it.
func (c *Client) Fetch(ctx context.Context, address string, max int64) (file io.ReadCloser, size int64, err error) {
	u, err := parse(address)
	if err != nil {
		return nil, 0, fmt.Errorf("fetch: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	res, last, err := c.follow(ctx, u)
	if err == nil {
		err = judge(res, max)
	}
	if err != nil {
		if res != nil {
			res.Body.Close()
		}
		cancel()
		return nil, 0, fmt.Errorf("fetch %s: %w", plain(last), err)
	}
	return &body{res.Body, max, cancel}, res.ContentLength, nil
}

// follow requests u and follows its redirects. It does not leave that to http.Client, which would send a Referer with
// the query in it, and quote a bad Location in its error. If there is an answer, the caller closes it.
func (c *Client) follow(ctx context.Context, u *url.URL) (*http.Response, *url.URL, error) {
	for hops := 0; ; hops++ {
		res, err := c.once(ctx, u)
		if err != nil || !redirects(res.StatusCode) {
			return res, u, err
		}
		next, err := target(u, res.Header.Get("Location"))
		res.Body.Close()
		if err != nil {
			return nil, u, err
		}
		if hops == maxRedirects {
			return nil, u, fmt.Errorf("%w: more than %d", ErrRedirect, maxRedirects)
		}
		u = next
	}
}

func (c *Client) once(ctx context.Context, u *url.URL) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, ErrURL // the library's error would quote the address
	}
	req.Header.Set("User-Agent", "switchyard")
	req.Header.Set("Accept", "*/*")
	res, err := c.transport.RoundTrip(req)
	if err != nil {
		return nil, err // a RoundTripper's own errors name hosts, never addresses
	}
	return res, nil
}

func redirects(status int) bool {
	switch status {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther,
		http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return true
	}
	return false
}

// target returns the address that a Location in an answer from u names.
func target(u *url.URL, location string) (*url.URL, error) {
	if location == "" {
		return nil, fmt.Errorf("%w: no location", ErrRedirect)
	}
	next, err := u.Parse(location)
	if err != nil {
		return nil, fmt.Errorf("%w: malformed location", ErrRedirect)
	}
	if err := check(next); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRedirect, err)
	}
	if u.Scheme == "https" && next.Scheme == "http" {
		return nil, fmt.Errorf("%w: from https to http", ErrRedirect)
	}
	return escaped(next), nil
}

// judge decides by the head of an answer whether its body is wanted.
func judge(res *http.Response, max int64) error {
	encoding := res.Header.Get("Content-Encoding")
	switch {
	case res.StatusCode != http.StatusOK:
		return &StatusError{res.StatusCode}
	case encoding != "" && encoding != "identity":
		return ErrEncoded
	case res.ContentLength > max:
		return fmt.Errorf("%d bytes: %w", res.ContentLength, ErrTooLarge)
	}
	return nil
}
