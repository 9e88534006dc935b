package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// TestHookKeyIsWrittenWhole: the key gets its name when it is whole, so that no crash at the first start leaves a file that
// stops every later one. A name that leads nowhere tells: who writes under it ends up elsewhere, who renames replaces it.
func TestHookKeyIsWrittenWhole(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "webhook.key")
	if err := os.Symlink(filepath.Join(dir, "elsewhere"), path); err != nil {
		t.Fatal(err)
	}
	first, err := hookKeys(path)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Lstat(path); err != nil || !info.Mode().IsRegular() || info.Mode().Perm() != 0o600 {
		t.Errorf("written under its own name: %v, %v", info.Mode(), err)
	}
	again, err := hookKeys(path)
	if err != nil || !bytes.Equal(again("acme").Shared, first("acme").Shared) {
		t.Errorf("another key at the next start, %v", err)
	}
}
