// Package e2e is the official SDKs of the image providers, unmodified, in front of the real Switchyard, with simulated
// providers behind it. See README.md.
package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// What TestMain makes once for all tests.
var (
	binary string  // the built Switchyard
	node   started // the SDKs for JavaScript
	golang started // and those for Go
)

// started is a runner, or why there is none.
type started struct {
	*runner
	err error
}

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
	build := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", binary, "switchyard/cmd/switchyard") // as it is released
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return 1, fmt.Errorf("go build: %w\n%s", err, out)
	}
	if node.runner, node.err = startNode(dir); node.err == nil {
		defer node.close()
	}
	if golang.runner, golang.err = startGo(dir); golang.err == nil {
		defer golang.close()
	}
	return m.Run(), nil
}

// need is the process that has the SDK. Where there is none, the test is skipped, but in CI, where nothing may be left out unseen.
func need(t *testing.T, sdk string) *runner {
	t.Helper()
	sdks := node
	if strings.HasPrefix(sdk, "go-") {
		sdks = golang
	}
	switch {
	case sdks.err == nil:
	case os.Getenv("CI") != "":
		t.Fatalf("no %s: %v", sdk, sdks.err)
	default:
		t.Skipf("no %s: %v", sdk, sdks.err)
	}
	return sdks.runner
}
