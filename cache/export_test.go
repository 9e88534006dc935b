package cache

import "os"

// WithSync is a config whose files, and folder, are brought to disk by other means.
func (c Config) WithSync(fsync func(*os.File) error) Config {
	c.files.Sync = fsync
	return c
}

// Askers is how many different requests without a key are remembered.
func Askers(r *Replies) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.lines)
}
