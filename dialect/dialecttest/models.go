package dialecttest

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"reflect"
	"testing"

	"go.yaml.in/yaml/v3"

	"switchyard"
)

// checkModels compares models.json, which the program has, with models.yaml, which people write; -update writes the one from the other.
func checkModels(t *testing.T) {
	text, err := os.ReadFile("models.yaml")
	if err != nil {
		t.Fatal(err)
	}
	rows, err := readModels(text)
	if err != nil {
		t.Fatalf("models.yaml: %v", err)
	}
	want, err := encodeModels(rows)
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile("models.json", want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile("models.json")
	if err != nil || !bytes.Equal(got, want) {
		t.Fatalf("models.json is not what models.yaml says: run make update (%v)", err)
	}
	var decoded []*switchyard.Model
	if err := json.Unmarshal(got, &decoded); err != nil || !reflect.DeepEqual(decoded, rows) {
		t.Errorf("models.json does not mean what models.yaml does (%v)", err)
	}
}

// readModels reads a models.yaml: a list of switchyard.Model, every row with a source and a date. Unknown fields, rows without a form,
// repeated ids and successors that are no rows are errors; all of them are reported at once.
func readModels(text []byte) (rows []*switchyard.Model, err error) {
	d := yaml.NewDecoder(bytes.NewReader(text))
	d.KnownFields(true)
	if err := d.Decode(&rows); err != nil {
		return nil, err
	}
	var errs []error
	ids := map[string]bool{}
	for _, m := range rows {
		m.Life.State = cmp.Or(m.Life.State, switchyard.Alive)
		m.Can.Images = cmp.Or(m.Can.Images, 1)
		if m.Source == "" || m.Date == "" || m.Form == "" {
			errs = append(errs, fmt.Errorf("%s: source, date and form are needed", m.ID))
		}
		for _, id := range append([]string{m.ID}, m.Aliases...) {
			if ids[id] {
				errs = append(errs, fmt.Errorf("%s stands twice", id))
			}
			ids[id] = true
		}
	}
	for _, m := range rows {
		if s := m.Life.Successor; s != "" && !ids[s] {
			errs = append(errs, fmt.Errorf("%s: successor %s is no row", m.ID, s))
		}
	}
	return rows, errors.Join(errs...)
}

// encodeModels writes rows as JSON, each on a line of its own, without what nobody has set.
func encodeModels(rows []*switchyard.Model) ([]byte, error) {
	text, err := json.Marshal(rows)
	if err != nil {
		return nil, err
	}
	var all []map[string]any
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&all); err != nil {
		return nil, err
	}
	out := []byte("[")
	for i, row := range all {
		prune(row)
		line, err := json.Marshal(row)
		if err != nil {
			return nil, err
		}
		if i > 0 {
			out = append(out, ',')
		}
		out = append(append(out, '\n'), line...)
	}
	return append(out, "\n]\n"...), nil
}

// prune takes out what says as much as its absence.
func prune(object map[string]any) {
	for key, v := range object {
		switch v {
		case nil, "", false, json.Number("0"), "0": // the last one is money
			delete(object, key)
		}
		if inner, ok := v.(map[string]any); ok {
			prune(inner)
		}
	}
}
