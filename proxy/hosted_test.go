package proxy_test

import (
	"testing"

	"switchyard/asset"
	"switchyard/proxy"
	"switchyard/spool"
)

// TestHostedAreBounded: the ledger knows so many images by name, whatever a provider sends.
func TestHostedAreBounded(t *testing.T) {
	assets, err := asset.New(asset.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer assets.Close()
	names, err := proxy.Host(t.Context(), &proxy.Handler{Assets: assets}, spool.Bytes("\x89PNG\r\n\x1a\n"), 20)
	if err != nil || len(names) != 16 {
		t.Errorf("%d names, %v", len(names), err)
	}
}
