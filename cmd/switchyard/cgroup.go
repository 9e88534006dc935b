package main

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Control groups of version 1, where the kernel counts what a process writes to files as its memory until it is on disk,
// but does not make it wait when that nears the limit: it kills it. Those of version 2 make it wait.
const (
	memoryGroups = "/sys/fs/cgroup/memory"
	limitFile    = "memory.limit_in_bytes"
	littleMemory = 1 << 30
)

// littleLegacyMemory reports whether a control group of version 1 holds the process to little memory. Within a container
// its own group may be the root of those it sees.
func littleLegacyMemory() bool {
	list, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return false
	}
	for line := range strings.Lines(string(list)) { // 4:memory:/docker/1f0c…
		part := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(part) == 3 && part[1] == "memory" {
			return isLittle(filepath.Join(memoryGroups, part[2], limitFile)) || isLittle(filepath.Join(memoryGroups, limitFile))
		}
	}
	return false
}

func isLittle(path string) bool {
	text, err := os.ReadFile(path)
	if err != nil {
		return false
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	return err == nil && n < littleMemory
}
