package main

import (
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"
)

// What is dropped must be in the file as it is in memory: anything else would be lost.
func TestUnchanged(t *testing.T) {
	const smaps = `00400000-0148b000 r-xp 00000000 fe:00 10232737                           /opt/my app/switchyard
Rss:               12288 kB
Anonymous:             0 kB
Swap:                  0 kB
VmFlags: rd ex mr mw me
0148b000-0270f000 r--p 0108b000 fe:00 10232737                           /opt/my app/switchyard
Rss:               16384 kB
Anonymous:             4 kB
Swap:                  0 kB
0270f000-0276f000 rw-p 0230f000 fe:00 10232737                           /opt/my app/switchyard
Anonymous:             0 kB
Swap:                  0 kB
0276f000-02800000 r--p 0230f000 fe:00 10232737                           /opt/my app/switchyard
Anonymous:             0 kB
Swap:                  0 kB
02800000-02900000 r--p 0230f000 fe:00 10232737                           /opt/my app/switchyard
Anonymous:             0 kB
Swap:                  4 kB
7f0000000000-7f0000001000 r--p 00000000 fe:00 17                         /opt/other
Anonymous:             0 kB
Swap:                  0 kB
7f0000001000-7f0000002000 r--p 00000000 00:00 0
Anonymous:             0 kB
Swap:                  0 kB
7ffd00000000-7ffd00021000 r-xp 00000000 00:00 0                          [vdso]
Anonymous:             0 kB
Swap:                  0 kB
`
	want := []region{{0x400000, 0x148b000}, {0x276f000, 0x2800000}}
	if got := unchanged(strings.NewReader(smaps), "/opt/my app/switchyard"); !reflect.DeepEqual(got, want) {
		t.Errorf("got %x, want %x", got, want)
	}
}

// The program goes on as before, in less memory.
func TestUnmapProgram(t *testing.T) {
	mapped := func() (kB int) {
		text, err := os.ReadFile("/proc/self/status")
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			if _, err := fmt.Sscanf(line, "RssFile: %d kB", &kB); err == nil {
				return kB
			}
		}
		t.Skip("this kernel does not tell")
		return 0
	}
	before := mapped()
	unmapProgram()
	if after := mapped(); after >= before {
		t.Errorf("%d kB of files are mapped, %d kB were before", after, before)
	}
}
