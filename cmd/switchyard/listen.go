package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"switchyard/fetch"
)

// listeners are the two addresses: the app's and the operator's.
type listeners struct{ app, admin net.Listener }

// stallLimit is for how long an app may leave what it is sent unread. An answer takes a place among the requests under way, and
// memory that others wait for, until it is out.
const stallLimit = 2 * time.Minute

// listenConfig is how we listen; connections inherit it. Sockets of Multipath TCP, the default, do not know the limit.
func listenConfig(stall time.Duration) (lc net.ListenConfig) {
	lc.SetMultipathTCP(false)
	lc.Control = func(network, address string, c syscall.RawConn) error {
		return errors.Join(fetch.Unpaced(network, address, c), c.Control(func(fd uintptr) { limitStall(fd, stall) }))
	}
	return lc
}

func listen(ctx context.Context, f *file) (listeners, error) {
	var l listeners
	lc := listenConfig(stallLimit)
	var err error
	if l.app, err = lc.Listen(ctx, "tcp", f.Server.Listen); err != nil {
		return l, fmt.Errorf("server.listen: %w", err)
	}
	if f.Server.TLS.Cert != "" {
		pair := &keyPair{cert: f.Server.TLS.Cert, key: f.Server.TLS.Key}
		if _, err := pair.get(nil); err != nil {
			_ = l.app.Close()
			return l, fmt.Errorf("server.tls: %w", err)
		}
		l.app = tls.NewListener(l.app, &tls.Config{GetCertificate: pair.get, MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"}})
	}
	if l.admin, err = lc.Listen(ctx, "tcp", f.Admin.Listen); err != nil {
		_ = l.app.Close()
		return l, fmt.Errorf("admin.listen: %w", err)
	}
	return l, nil
}

// keyPair is a certificate that is read again when its file has changed.
type keyPair struct {
	cert, key string

	mu       sync.Mutex // guards the rest
	modified time.Time
	pair     *tls.Certificate
}

func (k *keyPair) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	info, err := os.Stat(k.cert)
	if err == nil && (k.pair == nil || !info.ModTime().Equal(k.modified)) {
		var pair tls.Certificate
		if pair, err = tls.LoadX509KeyPair(k.cert, k.key); err == nil {
			k.pair, k.modified = &pair, info.ModTime()
		}
	}
	if k.pair == nil {
		return nil, err
	}
	return k.pair, nil // the old one, if the new one is not whole yet
}
