package e2e

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

// row is a line of the ledger.
type row struct {
	Generation string      `json:"generation"`
	Provider   string      `json:"provider"`
	Outcome    string      `json:"outcome"`
	Charge     string      `json:"charge"`
	Images     int         `json:"images"`
	Cost       json.Number `json:"cost_usd"`
}

// keepBooks is serve with the ledger to be asked: all its rows. :: prompt's mark → rows
func keepBooks(t *testing.T, config string) (root string, books func() map[string][]row) {
	t.Helper()
	const open = `admin: {listen: "127.0.0.1:0"`
	root, admin := serveBoth(t, strings.Replace(config, open, open+", token: admin-token", 1))
	return root, func() map[string][]row {
		var all struct{ Rows []row }
		askAdmin(t, admin+"/api/ledger?limit=10000", &all)
		found := map[string][]row{}
		for _, r := range all.Rows {
			var generation struct{ Prompt string }
			askAdmin(t, admin+"/api/generations/"+r.Generation, &generation)
			found[generation.Prompt] = append(found[generation.Prompt], r)
		}
		return found
	}
}

func askAdmin(t *testing.T, url string, v any) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer admin-token")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(v); err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %d, %v", url, resp.StatusCode, err)
	}
}

// mark is what ledger and bills have of a prompt.
func mark(prompt string) string {
	sum := sha256.Sum256([]byte(prompt))
	return hex.EncodeToString(sum[:])
}
