//go:build !linux

package fetch

func unpace(uintptr) {}
