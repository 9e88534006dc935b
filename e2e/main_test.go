// Package e2e is the official SDKs of the image providers, unmodified, in front of the real Switchyard, with simulated
// providers behind it. See README.md.
package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// What TestMain makes once for all tests.
var (
	binary string  // the built Switchyard
	sdks   *runner // the Node process; nil if there is none
	noNode error   // why
)

func TestMain(m *testing.M) {
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (int, error) {
	dir, err := os.MkdirTemp("", "e2e-")
	if err != nil {
		return 1, err
	}
	defer os.RemoveAll(dir)
	binary = filepath.Join(dir, "switchyard")
	if out, err := exec.Command("go", "build", "-o", binary, "switchyard/cmd/switchyard").CombinedOutput(); err != nil {
		return 1, fmt.Errorf("go build: %w\n%s", err, out)
	}
	if sdks, noNode = startRunner(dir); noNode == nil {
		defer sdks.close()
	}
	return m.Run(), nil
}

// needNode skips where there is no Node, but in CI, where nothing may be left out unseen.
func needNode(t *testing.T) {
	t.Helper()
	switch {
	case noNode == nil:
	case os.Getenv("CI") != "":
		t.Fatalf("no SDKs: %v", noNode)
	default:
		t.Skipf("no SDKs: %v", noNode)
	}
}
