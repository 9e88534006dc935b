package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// bound is how much memory a process may have. If this program may make a control group, the kernel enforces the bound,
// as it would for a container. Otherwise nothing does: RLIMIT_AS counts addresses, of which Go reserves many more than
// it uses. Then the run is given up when the process is seen to exceed its bound.
type bound struct {
	most  int64  // bytes
	group string // the control group's folder; "" for none
}

// The control groups' folders: of version 2, on a machine that has nothing else; and of memory in version 1.
const (
	groups       = "/sys/fs/cgroup"
	memoryGroups = groups + "/memory"
)

// newBound makes a bound. The caller closes it when the process has ended.
func newBound(most int64) *bound {
	group, err := newGroup(most)
	if err != nil {
		fmt.Println("without a control group:", err)
	}
	return &bound{most, group}
}

// newGroup makes a control group; path is empty if the machine has none for memory.
func newGroup(most int64) (path string, err error) {
	name := fmt.Sprint("switchyard-bench-", os.Getpid())
	enabled, _ := os.ReadFile(filepath.Join(groups, "cgroup.subtree_control"))
	limit, limitWithSwap := "memory.max", ""
	switch {
	case slices.Contains(strings.Fields(string(enabled)), "memory"):
		path = filepath.Join(groups, name)
	case isFolder(memoryGroups):
		path = filepath.Join(memoryGroups, name)
		limit, limitWithSwap = "memory.limit_in_bytes", "memory.memsw.limit_in_bytes"
	default:
		return "", nil
	}
	if err := os.Mkdir(path, 0o755); err != nil {
		return "", err
	}
	bytes := strconv.AppendInt(nil, most, 10)
	if err := os.WriteFile(filepath.Join(path, limit), bytes, 0); err != nil {
		_ = os.Remove(path)
		return "", err
	}
	if limitWithSwap != "" {
		_ = os.WriteFile(filepath.Join(path, limitWithSwap), bytes, 0) // missing where swap is not counted
	} else {
		_ = os.WriteFile(filepath.Join(path, "memory.swap.max"), []byte("0"), 0) // missing where there is no swap
	}
	return path, nil
}

func isFolder(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

func (b *bound) String() string {
	if b.group != "" {
		return fmt.Sprintf("%d MiB by %s", b.most>>20, b.group)
	}
	return fmt.Sprintf("%d MiB by being watched: no control group can be made here", b.most>>20)
}

// hold returns the command that runs another one within the bound. If b is nil it is that other command itself.
func (b *bound) hold(argv []string) []string {
	if b == nil || b.group == "" {
		return argv
	}
	return append([]string{"/bin/sh", "-c", `echo $$ >"$0" && exec "$@"`, filepath.Join(b.group, "cgroup.procs")}, argv...)
}

func (b *bound) close() {
	if b.group != "" {
		_ = os.Remove(b.group)
	}
}
