//go:build !race

package proxy_test

import (
	"testing"

	"switchyard/proxy"
)

// TestTheRoomForRecordsIsLent: what a generation tells the journal lies in room that the one before has given back, whether
// its attempt is appended or written first and synced behind. A race detector has sync.Pool forget at random.
func TestTheRoomForRecordsIsLent(t *testing.T) {
	for name, tell := range map[string]func(proxy.Journal) error{"appended": proxy.Appended, "written": proxy.Written} {
		got := testing.AllocsPerRun(1000, func() {
			if err := tell(nowhere{}); err != nil {
				t.Fatal(err)
			}
		})
		if got > 2 { // the account itself, and what its flush gathers
			t.Errorf("%s: %v allocations", name, got)
		}
	}
}
