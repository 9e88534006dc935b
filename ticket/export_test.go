package ticket

import "os"

// WithSync is a config whose files, and folder, are brought to disk by other means.
func (c Config) WithSync(fsync func(*os.File) error) Config {
	c.files.Sync = fsync
	return c
}
