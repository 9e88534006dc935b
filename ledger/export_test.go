package ledger

import (
	"errors"
	"os"
)

// WithSync is a config whose journal brings its newest file to disk by other means.
func (c JournalConfig) WithSync(sync func(*os.File) error) JournalConfig {
	c.sync = sync
	return c
}

// Trial is what a journal tries a disk with.
var Trial = trial

// Fail has the journal give up its files behind records that are written and not synced yet.
func (j *Journal) Fail(records ...Record) (synced func() error, err error) {
	j.turn <- struct{}{}
	defer func() { <-j.turn }()
	g, err := j.put(records)
	if err != nil {
		return nil, err
	}
	j.fail(errors.New("a failure"), false)
	return g.wait, nil
}
