//go:build !unix

package ledger

import "os"

// Lock cannot keep a second process away here.
func Lock(path string) (*os.File, error) { return os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o640) }
