package main

import (
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestReferenceHasEveryKey: each key of each section stands in the reference, set or spoken of, at one of the places where its
// type is taken.
func TestReferenceHasEveryKey(t *testing.T) {
	text, err := os.ReadFile("../../config.yaml")
	if err != nil {
		t.Fatal(err)
	}
	sections := referenceSections(string(text))
	said := map[string]bool{} // :: type and key → whether it is there
	for i := range reflect.TypeFor[file]().NumField() {
		f := reflect.TypeFor[file]().Field(i)
		if key := f.Tag.Get("yaml"); key != "" {
			if sections[key] == "" {
				t.Errorf("no section %s", key)
			}
			keysOf(f.Type, nil, func(owner reflect.Type, key string) {
				name := owner.String() + ": " + key
				said[name] = said[name] || regexp.MustCompile(`(^|[^\w.])`+regexp.QuoteMeta(key)+`([^\w]|$)`).MatchString(sections[f.Tag.Get("yaml")])
			})
		}
	}
	if len(said) < 100 {
		t.Errorf("only %d keys were found", len(said))
	}
	for name, there := range said {
		if !there {
			t.Errorf("config.yaml does not say %s", name)
		}
	}
}

// referenceSections are the top-level sections of a file, each with the comments before it. :: key → text
func referenceSections(text string) map[string]string {
	sections, part := map[string]string{}, ""
	key := ""
	for line := range strings.Lines(text) {
		name, _, top := strings.Cut(line, ":")
		switch {
		case top && regexp.MustCompile(`^[a-z]+$`).MatchString(name):
			key, part = name, part+line
		case line == "\n":
			sections[key] += part
			part = ""
			continue
		default:
			part += line
		}
	}
	sections[key] += part
	return sections
}

// keysOf calls do for each key that a value of type t has in a file, at whatever depth.
func keysOf(t reflect.Type, above []reflect.Type, do func(owner reflect.Type, key string)) {
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map:
		keysOf(t.Elem(), above, do)
	case reflect.Struct:
		if slices.Contains(above, t) {
			return
		}
		if v, ok := t.FieldByName("Value"); ok && v.Tag == "" { // of a config.Entry or a config.OrOff
			keysOf(v.Type, above, do)
		}
		for i := range t.NumField() {
			f := t.Field(i)
			key, option, _ := strings.Cut(f.Tag.Get("yaml"), ",")
			if key != "" {
				do(t, key)
			}
			if key != "" || option == "inline" {
				keysOf(f.Type, append(above, t), do)
			}
		}
	}
}
