package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// bound is how much memory a process may have. Where this program may make a group of cgroup v2, the kernel holds the
// process to it, as it would a container. Elsewhere nobody does: RLIMIT_AS counts addresses, of which Go reserves many
// more than it uses, so the run is given up when the process is seen beyond its bound.
type bound struct {
	most   int64 // bytes
	folder *os.File
}

// groups is where cgroup v2 is on a machine that has nothing else.
const groups = "/sys/fs/cgroup"

// newBound makes a bound. The caller closes it when the process has ended.
func newBound(most int64) *bound {
	enabled, err := os.ReadFile(filepath.Join(groups, "cgroup.subtree_control"))
	if err != nil || !slices.Contains(strings.Fields(string(enabled)), "memory") {
		return &bound{most: most}
	}
	folder, err := newGroup(most)
	if err != nil {
		fmt.Println("without a group of its own:", err)
	}
	return &bound{most, folder}
}

// newGroup makes a group of cgroup v2.
func newGroup(most int64) (folder *os.File, err error) {
	path := filepath.Join(groups, fmt.Sprint("switchyard-bench-", os.Getpid()))
	if err := os.Mkdir(path, 0o755); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(path)
		}
	}()
	if err := os.WriteFile(filepath.Join(path, "memory.max"), strconv.AppendInt(nil, most, 10), 0); err != nil {
		return nil, err
	}
	_ = os.WriteFile(filepath.Join(path, "memory.swap.max"), []byte("0"), 0) // missing where there is no swap
	return os.Open(path)
}

func (b *bound) String() string {
	if b.folder != nil {
		return fmt.Sprintf("%d MiB by %s", b.most>>20, b.folder.Name())
	}
	return fmt.Sprintf("%d MiB by being watched: no group of cgroup v2 can be made here", b.most>>20)
}

// hold has a process start inside. A nil bound holds nobody.
func (b *bound) hold(cmd *exec.Cmd) {
	if b != nil && b.folder != nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{UseCgroupFD: true, CgroupFD: int(b.folder.Fd())}
	}
}

func (b *bound) close() {
	if b.folder != nil {
		_ = b.folder.Close()
		_ = os.Remove(b.folder.Name())
	}
}
