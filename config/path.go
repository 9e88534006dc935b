package config

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

var plainName = regexp.MustCompile(`^[A-Za-z_][\w-]*$`)

// Key returns the path of a key below path. A name that could be misread is quoted: models["gemini-2.1"].
func Key(path, name string) string {
	switch {
	case !plainName.MatchString(name):
		return path + "[" + strconv.Quote(name) + "]"
	case path == "":
		return name
	}
	return path + "." + name
}

// Index returns the path of the i-th element, from 0, of the list at path.
func Index(path string, i int) string { return fmt.Sprintf("%s[%d]", path, i) }

// join returns path below prefix, both in the form of Key and Index.
func join(prefix, path string) string {
	switch {
	case prefix == "":
		return path
	case path == "" || path[0] == '[':
		return prefix + path
	}
	return prefix + "." + path
}

// parent returns path without its last step; empty at the top.
func parent(path string) string {
	if strings.HasSuffix(path, `"]`) {
		if i := strings.LastIndex(path, `["`); i >= 0 {
			return path[:i]
		}
	}
	return path[:max(strings.LastIndexAny(path, ".["), 0)]
}
