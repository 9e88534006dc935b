package main

import (
	"bytes"
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// keyDocs are schemadocs.json: what the comments of the fields say, or else those of config.yaml.
func keyDocs(t *testing.T) []byte {
	t.Helper()
	docs := map[string]string{}
	for _, dir := range []string{"../..", "../../breaker", "../../limit", "../../router", "."} {
		fieldComments(t, dir, docs)
	}
	var root yaml.Node
	text, err := os.ReadFile("../../config.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(text, &root); err != nil {
		t.Fatal(err)
	}
	keyComments(root.Content[0], reflect.TypeFor[file](), docs)
	if len(docs) < 80 {
		t.Errorf("only %d keys are spoken of", len(docs))
	}
	var want bytes.Buffer
	if err := encodeJSON(&want, docs); err != nil {
		t.Fatal(err)
	}
	return want.Bytes()
}

// fieldComments adds what stands behind the fields that have yaml names, in the Go files of a folder.
func fieldComments(t *testing.T, dir string, docs map[string]string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%s: %v", dir, err)
	}
	for _, name := range files {
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			spec, ok := n.(*ast.TypeSpec)
			if !ok {
				return true
			}
			body, ok := spec.Type.(*ast.StructType)
			if !ok {
				return false
			}
			for _, field := range body.Fields.List {
				if field.Tag == nil || field.Comment == nil {
					continue
				}
				key, _, _ := strings.Cut(reflect.StructTag(strings.Trim(field.Tag.Value, "`")).Get("yaml"), ",")
				if key != "" {
					docs[f.Name.Name+"."+spec.Name.Name+"."+key] = strings.TrimSpace(field.Comment.Text())
				}
			}
			return false
		})
	}
}

// keyComments adds what config.yaml says behind its keys, where nothing has been said.
func keyComments(n *yaml.Node, t reflect.Type, docs map[string]string) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case n.Kind == yaml.SequenceNode && t.Kind() == reflect.Slice:
		for _, e := range n.Content {
			keyComments(e, t.Elem(), docs)
		}
	case n.Kind == yaml.MappingNode && t.Kind() == reflect.Slice: // a config.Map
		value, _ := t.Elem().FieldByName("Value")
		for i := 1; i < len(n.Content); i += 2 {
			keyComments(n.Content[i], value.Type, docs)
		}
	case n.Kind == yaml.MappingNode && t.Kind() == reflect.Struct:
		for i := 0; i+1 < len(n.Content); i += 2 {
			owner, field := keyed(t, n.Content[i].Value)
			if field == nil {
				continue
			}
			said := strings.TrimSpace(strings.TrimPrefix(n.Content[i+1].LineComment, "#"))
			if name := owner.String() + "." + n.Content[i].Value; said != "" && docs[name] == "" {
				docs[name] = said
			}
			keyComments(n.Content[i+1], field, docs)
		}
	}
}

// keyed is the type of a struct's key, and of the struct that it stands in.
func keyed(t reflect.Type, key string) (owner, field reflect.Type) {
	for i := range t.NumField() {
		name, option, _ := strings.Cut(t.Field(i).Tag.Get("yaml"), ",")
		if name == key && name != "" {
			return t, t.Field(i).Type
		}
		if option == "inline" {
			if owner, field := keyed(t.Field(i).Type, key); field != nil {
				return owner, field
			}
		}
	}
	return nil, nil
}

// decodeAny is a YAML file as a JSON validator wants it.
func decodeAny(t *testing.T, text []byte) (v any) {
	t.Helper()
	if err := yaml.Unmarshal(text, &v); err != nil {
		t.Fatal(err)
	}
	out, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	v = nil
	if err := json.Unmarshal(out, &v); err != nil {
		t.Fatal(err)
	}
	return v
}
