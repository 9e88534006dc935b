package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"switchyard/admin"
	"switchyard/config"
)

// restarts are the settings that are read once, when the program begins. A reload does not change them.
var restarts = []string{
	"server.listen", "server.tls", "server.max_response_body", "server.max_image", "server.max_header_bytes", "server.memory",
	"server.temp_dir", "server.read_header_timeout", "server.drain_timeout", "server.fetch_allow", "admin", "log.format",
	"tracing", "store.database", "store.journal", "store.assets", "store.cache", "store.retention", "store.tickets_ttl",
	"store.idempotency_ttl",
}

// takesRestart reports whether a reload leaves a setting as it was when the program began.
func takesRestart(path string) bool {
	return slices.ContainsFunc(restarts, func(section string) bool { return config.Within(path, section) })
}

// waiting are the settings of f that are not in force in a program that began with another file, until it begins anew.
func (f *file) waiting(began *file) []string {
	var paths []string
	for _, c := range differences(began, f) {
		if takesRestart(c.Path) {
			paths = append(paths, c.Path)
		}
	}
	return paths
}

// differences are what next changes of old.
func differences(old, next *file) []config.Change {
	was, is := config.Leaves(*old), config.Leaves(*next)
	marks := map[string]string{}
	for _, l := range was {
		marks[l.Path] = l.Mark()
	}
	for _, l := range is {
		if marks[l.Path] == l.Mark() {
			delete(marks, l.Path) // what is left are others
		}
	}
	return config.Changes(was, is, func(path string) bool { _, other := marks[path]; return !other })
}

// config is the config in force as the admin side tells it: the latest file, but for what is as the program began.
func (c *inForce) config() admin.Config {
	f := c.file.Load()
	values := slices.DeleteFunc(config.Leaves(*c.began), func(l config.Leaf) bool { return !takesRestart(l.Path) })
	values = append(values, slices.DeleteFunc(config.Leaves(*f), func(l config.Leaf) bool { return takesRestart(l.Path) })...)
	return admin.Config{Loaded: f.loaded, Values: values}
}

// changed is a change with what it takes.
type changed struct {
	config.Change
	Restart bool `json:"restart"` // a reload does not bring it about
}

// diffDoc is what --diff --json prints.
type diffDoc struct {
	File    string    `json:"file"`
	Against string    `json:"against"`
	Changes []changed `json:"changes"`
}

// diff prints what a reload of f would change.
func (c *checkCommand) diff(e *env, f *file) error {
	changes, against, err := c.compare(e, f)
	if err != nil {
		return err
	}
	doc := diffDoc{File: c.File, Against: against, Changes: []changed{}}
	for _, one := range changes {
		doc.Changes = append(doc.Changes, changed{one, takesRestart(one.Path)})
	}
	if c.JSON {
		return encodeJSON(e.stdout, doc)
	}
	if len(doc.Changes) == 0 {
		fmt.Fprintf(e.stdout, "%s: no change against %s\n", c.File, against)
		return nil
	}
	for _, one := range doc.Changes {
		fmt.Fprintln(e.stdout, one)
	}
	return nil
}

// String is a line: + for what is new, - for what goes, ~ for what is another.
func (c changed) String() string {
	line := "~ " + c.Path + ": " + c.Old + " → " + c.New
	switch {
	case c.Old == "":
		line = "+ " + c.Path + ": " + c.New
	case c.New == "":
		line = "- " + c.Path + ": " + c.Old
	case c.Old == c.New:
		line = "~ " + c.Path + ": another secret in " + c.New
	}
	if c.Restart {
		line += "  (takes a restart)"
	}
	return plain(line)
}

// compare finds out what f would change of another file, or of the config in force of a sidecar.
func (c *checkCommand) compare(e *env, f *file) (changes []config.Change, against string, err error) {
	if text, err := os.ReadFile(c.Against); c.Against != "" && !errors.Is(err, os.ErrNotExist) {
		if err != nil {
			return nil, "", err
		}
		old, err := load(c.Against, text, e.getenv)
		if err != nil {
			return nil, "", err
		}
		return differences(old, f), c.Against, nil
	}
	if strings.HasSuffix(c.Against, ".yaml") || strings.HasSuffix(c.Against, ".yml") {
		return nil, "", fmt.Errorf("--against: no file %s", c.Against)
	}
	o, err := operatorFlags{sidecarFlags{c.File, c.Against}, c.Token}.operator(e)
	if err != nil {
		return nil, "", err
	}
	is, marks := config.Leaves(*f), map[string]string{}
	for _, l := range is {
		if l.Mark() != "" {
			marks[l.Path] = l.Mark()
		}
	}
	body, err := json.Marshal(marks)
	if err != nil {
		return nil, "", err
	}
	text, err := o.call("POST", "/api/config", body)
	if err != nil {
		return nil, "", err
	}
	var running admin.Config
	if err := json.Unmarshal(text, &running); err != nil {
		return nil, "", fmt.Errorf("%s: not a config: %w", o.base, err)
	}
	return config.Changes(running.Values, is, func(path string) bool { return !slices.Contains(running.Other, path) }), o.base, nil
}
