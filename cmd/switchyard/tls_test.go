package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"

	"switchyard/sim"
)

// writePair writes a certificate of its own making, dated so that a change is seen.
func writePair(t *testing.T, dir, name string, modified time.Time) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{"cert.pem": {Type: "CERTIFICATE", Bytes: der}, "key.pem": {Type: "PRIVATE KEY", Bytes: private}} {
		path := filepath.Join(dir, file)
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, modified, modified); err != nil {
			t.Fatal(err)
		}
	}
}

// TestTLS: our side speaks TLS, and a renewed certificate is served without a restart.
func TestTLS(t *testing.T) {
	world, err := sim.Start(sim.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = world.Close() })
	dir := t.TempDir()
	writePair(t, dir, "first.test", time.Now().Add(-time.Minute))
	k := startKitWith(t, world, fmt.Sprintf(`
server: {listen: 127.0.0.1:0, temp_dir: "{dir}/tmp", tls: {cert: "%[1]s/cert.pem", key: "%[1]s/key.pem"}}
providers:
  openai: {<openai>}
`, dir))
	served := func() string {
		conn, err := tls.Dial("tcp", k.url[len("http://"):], &tls.Config{InsecureSkipVerify: true}) // only its name matters here
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		return conn.ConnectionState().PeerCertificates[0].Subject.CommonName
	}
	if name := served(); name != "first.test" {
		t.Errorf("the certificate of %s", name)
	}
	writePair(t, dir, "second.test", time.Now())
	if name := served(); name != "second.test" {
		t.Errorf("the certificate of %s after it was renewed", name)
	}
	if err := os.WriteFile(filepath.Join(dir, "cert.pem"), []byte("half a"), 0o600); err != nil {
		t.Fatal(err)
	}
	if name := served(); name != "second.test" {
		t.Errorf("the certificate of %s while the next one is being written", name)
	}
}
