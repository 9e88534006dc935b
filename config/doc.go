// Package config reads a YAML file into plain Go structs, strictly, and knows where in the file each value stands. It
// knows no other package's settings: those are structs with yaml tags and a Validate method, put together by the command.
//
// A file is one document of at most 4 MiB and 64 levels. Unknown and repeated keys are faults, as are wrong types, and
// all of them are reported at once, each by file, line, column and path. Anchors, aliases, merge keys and explicit tags
// are refused: what they save in typing they cost in reading, and an alias can blow a small file up without end.
//
// Each Go type takes one form of value:
//
//	string                any scalar
//	bool                  true, false, on, off
//	int, uint, float64    a plain number; in quotes only if it came from a ${NAME}
//	time.Duration         "5s", "1h30m"; and days, "90d"
//	Bytes                 "24MiB"
//	UnmarshalText         any scalar that the type takes
//	Unmarshaler           what the type makes of its Node: OrOff, Map, Later
//	struct, map, slice    a mapping, a mapping, a list
//	pointer               what it points to, allocated
//	any                   what JSON could say
//
// A key with nothing after it, or null, is as if it were not written. Values that the target holds beforehand stay if the
// file does not mention them. So defaults are values that are set beforehand; the layers of Document.Decode work the same
// way.
package config
