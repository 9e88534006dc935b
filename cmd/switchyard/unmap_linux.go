package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
)

// region is a part of the address space that a file lies in.
type region struct{ from, to uint64 }

// unmapProgram has the kernel forget which pages of the program this process has used. They count as its memory, although half
// of them were needed by its start alone, or by work of a kind that is over. They stay in the page cache, and each is mapped
// again when it is next used, with those around it. What cannot be done is left: nothing depends on it.
func unmapProgram() {
	exe, err := os.Executable()
	if err != nil {
		return
	}
	smaps, err := os.Open("/proc/self/smaps")
	if err != nil {
		return
	}
	defer smaps.Close()
	for _, r := range unchanged(smaps, exe) {
		_, _, _ = syscall.Syscall(syscall.SYS_MADVISE, uintptr(r.from), uintptr(r.to-r.from), syscall.MADV_DONTNEED)
	}
}

// unchanged lists the regions of a file that cannot be written to, and of which no page differs from the file. (Others have
// been changed before they were protected, by a linker or a debugger.) smaps is as proc(5) describes it.
func unchanged(smaps io.Reader, file string) (list []region) {
	var r region
	ours := false
	for lines := bufio.NewScanner(smaps); lines.Scan(); {
		line := lines.Text()
		name, value, ok := strings.Cut(line, ": ")
		switch {
		case !ok || strings.Contains(name, " "): // 00400000-0148b000 r-xp 00000000 fe:00 10232737 /opt/switchyard
			var perms string
			n, _ := fmt.Sscanf(line, "%x-%x %4s", &r.from, &r.to, &perms)
			ours = n == 3 && strings.HasPrefix(perms, "r-") && strings.HasSuffix(line, " "+file)
		case name == "Anonymous":
			ours = ours && strings.TrimSpace(value) == "0 kB"
		case name == "Swap" && ours && strings.TrimSpace(value) == "0 kB":
			list = append(list, r)
		}
	}
	return list
}
