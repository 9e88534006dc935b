package main

import (
	"context"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"go.uber.org/zap"

	"switchyard"
	"switchyard/dialect"
	"switchyard/durable"
	"switchyard/fetch"
	"switchyard/ticket/hook"
)

// hooks is the deliveries as package proxy wants them.
type hooks struct {
	*hook.Hooks
	client *fetch.Client
}

// Check tells whether an address may be called.
func (h hooks) Check(ctx context.Context, address string) error { return h.client.Check(ctx, address) }

// openHooks makes the deliveries of notices, signed with keys that are derived from the one in a file.
func (s *sidecar) openHooks(f *file) error {
	var err error
	if s.hookKeys, err = hookKeys(filepath.Join(f.data(), "webhook.key")); err != nil {
		return err
	}
	s.hooks, err = hook.New(hook.Config{
		DB:        s.hookDB,
		Post:      poster{s},
		Sign:      s.signNotice,
		Forbidden: neverReached,
		Report:    s.gaveUp,
		Log:       slog.New(slog.NewTextHandler(zap.NewStdLog(s.log).Writer(), &slog.HandlerOptions{Level: slog.LevelWarn})),
	})
	return err
}

// signNotice is the headers of a notice: an app's are signed, those of alerts have their id alone.
func (s *sidecar) signNotice(n hook.Notice, at time.Time) http.Header {
	if n.Dialect == alertDialect {
		return http.Header{"X-Switchyard-Alert-Id": {n.ID}}
	}
	front, ok := s.handler.Runner.Dialects[n.Dialect].(dialect.Hooker)
	if !ok {
		return http.Header{}
	}
	return front.Sign(s.hookKeys(n.Tenant), dialect.Notice{Ticket: n.Ticket, Event: switchyard.Event(n.Event), Body: n.Body}, at)
}

// neverReached reports whether a notice did not get out for a reason that trying again does not change.
func neverReached(err error) bool {
	return errors.Is(err, fetch.ErrBlocked) || errors.Is(err, fetch.ErrURL) || errors.Is(err, errNoReceiver)
}

// gaveUp tells of a notice that is not tried any more.
func (s *sidecar) gaveUp(n hook.Notice, err error) {
	if name, ours := cutReceiver(n.URL); ours {
		s.alerts.untold.gaveUp(name, time.Now(), err)
	}
	s.log.Warn("webhook given up", zap.String("ticket", n.Ticket), zap.String("event", n.Event), zap.Error(err))
}

// beginHooks delivers until stop is called. A disk that is full just now, or a database that is locked, keeps it waiting.
func (s *sidecar) beginHooks() {
	s.background.Go(func() {
		pauses := switchyard.Growing(time.Second, 30*time.Second)
		for {
			err := s.hooks.Run(s.work)
			if err == nil {
				return
			}
			s.log.Error("webhooks not delivered for now", zap.Error(err))
			if !pauses.Sleep(s.work) {
				return
			}
		}
	})
}

// hookKeys is what notices are signed with. Apps keep the public halves and the secrets, so they come from one key that
// lives as long as the data does; it is made at the first start.
func hookKeys(file string) (func(tenant string) dialect.HookKeys, error) {
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		fresh := make([]byte, 32)
		_, _ = rand.Read(fresh) // it never fails
		text = []byte(hex.EncodeToString(fresh) + "\n")
		err = durable.Writer{}.Replace(file, durable.Bytes(text))
	}
	if err != nil {
		return nil, fmt.Errorf("key of webhooks: %w", err)
	}
	master, err := hex.DecodeString(strings.TrimSpace(string(text)))
	if err != nil || len(master) != 32 {
		return nil, fmt.Errorf("key of webhooks: %s: want 64 hexadecimal digits", file)
	}
	private := ed25519.NewKeyFromSeed(derive(master, "ed25519"))
	return func(tenant string) dialect.HookKeys {
		keys := dialect.HookKeys{Private: private}
		if tenant != "" {
			keys.Shared = derive(master, "tenant:"+tenant)[:24]
		}
		return keys
	}, nil
}

func derive(master []byte, purpose string) []byte {
	mac := hmac.New(sha256.New, master)
	mac.Write([]byte(purpose))
	return mac.Sum(nil)
}
