package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

// version is set by the linker for releases.
var version = "dev"

// versionCommand prints what this binary is.
type versionCommand struct {
	JSON bool `help:"For machines."`
}

// build is what --json prints.
type build struct {
	Version  string `json:"version"`
	Revision string `json:"revision"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

// thisBuild is the running binary.
func thisBuild() build {
	return build{version, revision(), runtime.Version(), runtime.GOOS + "/" + runtime.GOARCH}
}

// String is one line.
func (b build) String() string {
	if b.Revision != "" {
		b.Revision = " " + b.Revision
	}
	return fmt.Sprintf("switchyard %s%s %s %s", b.Version, b.Revision, b.Go, b.Platform)
}

// Run prints one line.
func (c versionCommand) Run(e *env) error {
	if c.JSON {
		return encodeJSON(e.stdout, thisBuild())
	}
	_, err := fmt.Fprintln(e.stdout, thisBuild())
	return err
}

// revision is the commit that the binary was built of; empty if nobody knows.
func revision() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" && len(s.Value) >= 12 {
				return s.Value[:12]
			}
		}
	}
	return ""
}
