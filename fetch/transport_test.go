package fetch_test

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"switchyard/fetch"
)

func transport(t *testing.T, c fetch.TransportConfig) *http.Transport {
	t.Helper()
	tr, err := fetch.Transport(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(tr.CloseIdleConnections)
	return tr
}

func roundTrip(t *testing.T, tr *http.Transport, address string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address, strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	res, err := tr.RoundTrip(req)
	if err == nil {
		t.Cleanup(func() { res.Body.Close() })
	}
	return res, err
}

func TestAProviderOnThisMachineIsReachedAsItIs(t *testing.T) {
	address, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Accept-Encoding") != "" {
			t.Error("compression was asked for")
		}
		w.Header().Set("Location", "/elsewhere")
		w.Header().Set("Content-Encoding", "gzip")
		w.WriteHeader(http.StatusFound)
		io.WriteString(w, "not gzip at all")
	})
	res, err := roundTrip(t, transport(t, fetch.TransportConfig{}), address)
	if err != nil {
		t.Fatal(err)
	}
	if b, _ := io.ReadAll(res.Body); res.StatusCode != http.StatusFound || string(b) != "not gzip at all" {
		t.Errorf("got %d %q", res.StatusCode, b)
	}
}

// secure answers with the protocol that it is spoken to by; it knows HTTP/2, too. file is its certificate.
func secure(t *testing.T) (s *httptest.Server, file string) {
	s = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.Proto) }))
	s.EnableHTTP2 = true
	s.Config.ErrorLog = quiet
	s.StartTLS()
	t.Cleanup(s.Close)
	file = filepath.Join(t.TempDir(), "ca.pem")
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
	if err := os.WriteFile(file, block, 0o600); err != nil {
		t.Fatal(err)
	}
	return s, file
}

func TestAnOwnCertificateAuthorityIsTrusted(t *testing.T) {
	s, file := secure(t)
	if _, err := roundTrip(t, transport(t, fetch.TransportConfig{}), s.URL); err == nil {
		t.Error("an unknown certificate was trusted")
	}
	if _, err := roundTrip(t, transport(t, fetch.TransportConfig{CA: file}), s.URL); err != nil {
		t.Error(err)
	}
}

// TestTLSSessionsAreResumed by connections that come later.
func TestTLSSessionsAreResumed(t *testing.T) {
	s, file := secure(t)
	tr := transport(t, fetch.TransportConfig{CA: file})
	for i, want := range []bool{false, true} {
		res, err := roundTrip(t, tr, s.URL)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, res.Body) // the server's ticket comes before the answer
		if got := res.TLS.DidResume; got != want {
			t.Errorf("connection %d: resumed %v, want %v", i+1, got, want)
		}
		res.Body.Close()
		tr.CloseIdleConnections()
	}
}

// TestHTTP1 is spoken by both clients, whatever the server would like.
func TestHTTP1(t *testing.T) {
	s, file := secure(t)
	res, err := roundTrip(t, transport(t, fetch.TransportConfig{CA: file}), s.URL)
	if err != nil {
		t.Fatal(err)
	}
	if b, _ := io.ReadAll(res.Body); string(b) != "HTTP/1.1" {
		t.Errorf("a provider was spoken to by %s", b)
	}
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	c := fetch.New(fetch.Config{Allow: []string{"127.0.0.1"}, Roots: roots})
	defer c.Close()
	picture, _, err := c.Fetch(t.Context(), s.URL, 1<<10)
	if err != nil {
		t.Fatal(err)
	}
	defer picture.Close()
	if b, _ := io.ReadAll(picture); string(b) != "HTTP/1.1" {
		t.Errorf("a picture came by %s", b)
	}
}

func TestAProxyIsUsed(t *testing.T) {
	asked := ""
	proxy, _ := serve(t, func(_ http.ResponseWriter, r *http.Request) { asked = r.URL.String() })
	if _, err := roundTrip(t, transport(t, fetch.TransportConfig{Proxy: proxy}), "http://provider.test/x"); err != nil {
		t.Fatal(err)
	}
	if asked != "http://provider.test/x" {
		t.Errorf("the proxy was asked for %q", asked)
	}
}

func TestTheFirstByteIsAwaitedSoLong(t *testing.T) {
	stall := make(chan struct{})
	address, _ := serve(t, func(http.ResponseWriter, *http.Request) { <-stall })
	defer close(stall)
	_, err := roundTrip(t, transport(t, fetch.TransportConfig{FirstByte: 20 * time.Millisecond}), address)
	if timeout, ok := errors.AsType[net.Error](err); !ok || !timeout.Timeout() {
		t.Errorf("got %v, want a timeout", err)
	}
}

func TestBadTransportConfigs(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, []byte("nothing"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []fetch.TransportConfig{
		{Proxy: "ftp://user:secret@proxy"}, {Proxy: "proxy:8080"}, {Proxy: "http://sec ret@/"}, {CA: empty}, {CA: empty + ".gone"},
	} {
		_, err := fetch.Transport(c)
		if err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%+v: got %v", c, err)
		}
	}
	if _, err := fetch.Transport(fetch.TransportConfig{CA: empty + ".gone"}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}
