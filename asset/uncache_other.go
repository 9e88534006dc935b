//go:build !linux

package asset

import "os"

func uncache(*os.File) {}
