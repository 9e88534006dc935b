package admin_test

import (
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/zap"

	"switchyard/admin"
)

// TestLogLevel: who has the token reads and changes it, and the audit knows.
func TestLogLevel(t *testing.T) {
	d := newDesk(t)
	level := zap.NewAtomicLevel()
	audit, err := admin.OpenAudit(filepath.Join(t.TempDir(), "audit.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer audit.Close()
	d.Level, d.Audit = &level, audit
	ask := func(method, body, token string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(method, "http://127.0.0.1:9090/api/log-level", strings.NewReader(body))
		r.Header.Set("Authorization", "Bearer "+token)
		w := httptest.NewRecorder()
		d.ServeHTTP(w, r)
		return w
	}
	if w := ask(http.MethodGet, "", "admin-token"); w.Code != http.StatusOK || strings.TrimSpace(w.Body.String()) != `{"level":"info"}` {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w := ask(http.MethodPut, `{"level":"debug"}`, "guess"); w.Code != http.StatusUnauthorized || level.Level() != zap.InfoLevel {
		t.Errorf("a stranger: %d, %s", w.Code, level)
	}
	for _, bad := range []string{``, `{}`, `{"level":"DEBUG"}`, `{"level":"fatal"}`, `{"level":"debug","for":"1h"}`, `{"level":"debug"} {}`} {
		if w := ask(http.MethodPut, bad, "admin-token"); w.Code != http.StatusBadRequest || level.Level() != zap.InfoLevel {
			t.Errorf("%s: %d %s", bad, w.Code, w.Body)
		}
	}
	if w := ask(http.MethodPut, `{"level":"debug"}`, "admin-token"); w.Code != http.StatusOK || level.Level() != zap.DebugLevel {
		t.Errorf("%d %s, %s", w.Code, w.Body, level)
	}
	entries, err := audit.Latest(10)
	if err != nil || len(entries) != 1 || entries[0].Action != admin.ActionLogLevel || entries[0].Subject != "debug" || entries[0].Detail != "was info" {
		t.Errorf("the audit has %+v, %v", entries, err)
	}
}
