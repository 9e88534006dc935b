package ledger

import "os"

// WithSync is a config whose journal brings its newest file to disk by other means.
func (c JournalConfig) WithSync(sync func(*os.File) error) JournalConfig {
	c.sync = sync
	return c
}
