//go:build !unix

package ledger

import "os"

// Lock only makes the file: here it cannot keep a second process away.
func Lock(path string) (*os.File, error) { return os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o640) }
