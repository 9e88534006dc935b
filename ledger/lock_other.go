//go:build !unix

package ledger

import "os"

// lock cannot keep a second process out here.
func lock(path string) (*os.File, error) { return os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o640) }
