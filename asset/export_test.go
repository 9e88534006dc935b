package asset

import "os"

// WithSync has files, and folders with their names, brought to disk by fsync.
func (c Config) WithSync(fsync func(*os.File) error) Config {
	c.fsync = fsync
	return c
}
