package fetch

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"time"
)

// TransportConfig is how a provider is reached. The zero value does for most.
type TransportConfig struct {
	Connect   time.Duration // for a connection, and again for its TLS handshake; 0: 5 s
	FirstByte time.Duration // from the end of the request to the head of the answer; 0: no limit of its own
	Proxy     string        // address of an HTTP or SOCKS5 proxy; empty: none, whatever the environment says
	CA        string        // PEM file of certificates that are trusted besides the system's; empty: none
}

// Transport returns a transport to what the operator configured, unguarded: a provider may be on this machine. Its
// connections follow no redirect, so a key goes to no other host, and decompress nothing.
//
// A caller that sends a paid request sets its GetBody to nil: otherwise net/http sends a POST again by itself, when a
// kept connection breaks and the request carries an Idempotency-Key.
func Transport(c TransportConfig) (*http.Transport, error) {
	connect := c.Connect
	if connect <= 0 {
		connect = 5 * time.Second
	}
	proxy, err := proxyOf(c.Proxy)
	if err != nil {
		return nil, err
	}
	roots, err := rootsWith(c.CA)
	if err != nil {
		return nil, err
	}
	sessions := tls.NewLRUClientSessionCache(0) // they save further connections half of the handshake's work
	return &http.Transport{
		Proxy:                  proxy,
		DialContext:            (&net.Dialer{Timeout: connect, Control: Unpaced}).DialContext,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots, ClientSessionCache: sessions},
		TLSHandshakeTimeout:    connect,
		ResponseHeaderTimeout:  c.FirstByte,
		Protocols:              http1(),
		DisableCompression:     true, // bodies go through as they are
		MaxResponseHeaderBytes: maxHeader,
		MaxIdleConnsPerHost:    64, // the default of 2 opens a connection for nearly every request of a burst
		IdleConnTimeout:        90 * time.Second,
	}, nil
}

// http1 is the protocol for providers and for the hosts of their pictures: one connection for each request, in which the
// bytes of an answer wait until there is room for them. With HTTP/2 all requests share a connection, and one that must wait
// would hold up all others; so the transport reads on, up to 4 MiB of each answer, into memory that server.memory does not
// bound.
func http1() *http.Protocols {
	p := new(http.Protocols)
	p.SetHTTP1(true)
	return p
}

var errProxy = errors.New("want http://, https:// or socks5:// and a host")

// proxyOf reads the address of a proxy. It may hold a password, so the error quotes nothing.
func proxyOf(address string) (func(*http.Request) (*url.URL, error), error) {
	if address == "" {
		return nil, nil
	}
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" && u.Scheme != "socks5" {
		return nil, fmt.Errorf("proxy: %w", errProxy)
	}
	return http.ProxyURL(u), nil
}

// rootsWith returns the system's certificates and those of a file; nil means the system's alone.
func rootsWith(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("ca: %w", err)
	}
	pool, err := x509.SystemCertPool()
	if err != nil { // no system pool on this platform: the file alone is trusted
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("ca: no certificate in %q", file)
	}
	return pool, nil
}
