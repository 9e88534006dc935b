package config

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

var errVariable = errors.New("want ${NAME} or ${NAME:-default}; a dollar sign before a brace is written $$")

var errShell = errors.New("a variable is written ${NAME}; a dollar sign that is meant is written $$")

// shell is a text that is a variable to a shell, and most likely to whoever wrote it.
var shell = regexp.MustCompile(`^\$[A-Z_][A-Z0-9_]*$`)

var variable = regexp.MustCompile(`^([A-Za-z_][A-Za-z0-9_]*)(:-(.*))?$`)

// expand puts in the values of variables: ${NAME} must be set, ${NAME:-default} stands for default if NAME is unset or
// empty, $$ is one dollar. A dollar before anything else is itself, but a text that is $NAME alone is refused: it would be taken
// for the value. The value of a variable is not expanded or parsed again, so it can never be mistaken for YAML or for another
// variable.
func expand(s string, env func(string) (string, bool)) (string, error) {
	if shell.MatchString(s) {
		return "", errShell
	}
	var out strings.Builder
	for {
		i := strings.IndexByte(s, '$')
		if i < 0 || i == len(s)-1 {
			out.WriteString(s)
			return out.String(), nil
		}
		out.WriteString(s[:i])
		next := s[i+1]
		s = s[i+1:]
		switch next {
		case '$':
			out.WriteByte('$')
			s = s[1:]
		case '{':
			end := strings.IndexByte(s, '}')
			if end < 0 {
				return "", errVariable
			}
			value, err := lookup(s[1:end], env)
			if err != nil {
				return "", err
			}
			out.WriteString(value)
			s = s[end+1:]
		default:
			out.WriteByte('$')
		}
	}
}

func lookup(ref string, env func(string) (string, bool)) (string, error) {
	m := variable.FindStringSubmatch(ref)
	if m == nil {
		return "", errVariable
	}
	value, ok := env(m[1])
	switch {
	case m[2] != "" && value == "":
		return m[3], nil
	case !ok:
		return "", fmt.Errorf("variable %s is not set, and has no default", m[1])
	}
	return value, nil
}
