package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"
)

// disk is how fast this machine's disk is, measured in the journal's place while nothing else runs: a request goes out
// only when its record is on the disk.
type disk struct {
	median, p99 time.Duration // of appending 512 bytes and syncing them
	fresh       float64       // CPU-ms per MB for a new file of 2 MiB, written and synced, as hosted pictures are
}

func (d disk) String() string {
	return fmt.Sprintf("disk: 512 bytes and a sync take %v (p99 %v); a new file of 2 MiB takes %.2f CPU-ms a MB",
		d.median.Round(time.Microsecond), d.p99.Round(time.Microsecond), d.fresh)
}

func measureDisk(dir string, o options) (d disk, err error) {
	var medians, slow []time.Duration
	for range o.rounds {
		took, err := syncs(filepath.Join(dir, "appended"), o.times(200))
		if err != nil {
			return d, err
		}
		medians, slow = append(medians, quantile(took, 0.5)), append(slow, quantile(took, 0.99))
	}
	slices.Sort(medians)
	slices.Sort(slow)
	d.median, d.p99 = quantile(medians, 0.5), quantile(slow, 0.5)
	d.fresh, err = freshFiles(filepath.Join(dir, "fresh"), o.times(100))
	return d, err
}

// syncs appends n records of a journal's size to a file, each on the disk before the next, and returns how long each
// took, sorted.
func syncs(name string, n int) (took []time.Duration, err error) {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	defer os.Remove(name)
	defer f.Close()
	record := make([]byte, 512)
	for range n {
		began := time.Now()
		if _, err := f.Write(record); err != nil {
			return nil, err
		}
		if err := f.Sync(); err != nil {
			return nil, err
		}
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	return took, nil
}

// freshFiles returns the CPU time of writing n pictures, each to a file of its own. They are removed only at the end, so
// that each needs memory pages of its own: if a virtual machine has never touched a page, that costs more than the
// copying.
func freshFiles(dir string, n int) (perMB float64, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	picture := make([]byte, pictureSize)
	before := ownCPU()
	for i := range n {
		if err := freshFile(filepath.Join(dir, fmt.Sprint(i)), picture); err != nil {
			return 0, err
		}
	}
	return float64((ownCPU() - before).Microseconds()) / 1000 / (float64(n*pictureSize) / 1e6), nil
}

func freshFile(name string, data []byte) error {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := f.Write(data); err != nil {
		return err
	}
	return f.Sync()
}

// ownCPU returns the processor time that this program has used, including what the kernel did for it.
func ownCPU() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// quantile returns the q-th quantile of sorted values; 0 if there are none.
func quantile(sorted []time.Duration, q float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[min(int(q*float64(len(sorted))), len(sorted)-1)]
}
