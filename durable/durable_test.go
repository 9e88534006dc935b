package durable_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"switchyard/durable"
)

var errDisk = errors.New("the disk is gone")

// watched tells what is synced, and fails at one of the syncs.
func watched(did *[]string, fail string) durable.Writer {
	return durable.Writer{Sync: func(f *os.File) error {
		what := "file"
		if names, err := f.Readdirnames(-1); err == nil {
			what = fmt.Sprintf("folder+%d", len(names))
		}
		if *did = append(*did, what); what == fail {
			return errDisk
		}
		return f.Sync()
	}}
}

// in is what the files of a folder hold, by name.
func in(t *testing.T, dir string) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for _, e := range entries {
		text, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		files[e.Name()] = string(text)
	}
	return files
}

type write func(durable.Writer, string, durable.Fill) error

// TestWrites: each step comes when the one before has succeeded, and a failure leaves what it says, and no other file.
func TestWrites(t *testing.T) {
	replace, place, create := write(durable.Writer.Replace), write(durable.Writer.Place), write(durable.Writer.Create)
	for name, c := range map[string]struct {
		write           write
		old, fail, want string
		did             string
	}{
		"replace":               {replace, "old", "", "new", "file folder+1"},
		"replace nothing":       {replace, "", "", "new", "file folder+1"},
		"replace, half":         {replace, "old", "fill", "old", ""},
		"replace, no file":      {replace, "old", "file", "old", "file"},
		"replace, no name":      {replace, "old", "folder+1", "new", "file folder+1"},
		"place":                 {place, "old", "", "new", "file"},
		"place, no file":        {place, "old", "file", "old", "file"},
		"create":                {create, "", "", "new", "file folder+1"},
		"create, half":          {create, "", "fill", "", ""},
		"create, no file":       {create, "", "file", "", "file"},
		"create, no name":       {create, "", "folder+1", "", "file folder+1"},
		"create, what is there": {create, "old", "exists", "old", ""},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "x")
			want := map[string]string{}
			if c.want != "" {
				want["x"] = c.want
			}
			if c.old != "" {
				if err := os.WriteFile(path, []byte(c.old), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			var did []string
			err := c.write(watched(&did, c.fail), path, func(f *os.File) error {
				if c.fail == "fill" {
					return errors.Join(durable.Bytes([]byte("ne"))(f), errDisk)
				}
				return durable.Bytes([]byte("new"))(f)
			})
			switch c.fail {
			case "":
				if err != nil {
					t.Error(err)
				}
			case "exists":
				if !errors.Is(err, fs.ErrExist) {
					t.Errorf("got %v", err)
				}
			default:
				if !errors.Is(err, errDisk) {
					t.Errorf("got %v", err)
				}
			}
			if got := in(t, filepath.Dir(path)); !reflect.DeepEqual(got, want) || strings.Join(did, " ") != c.did {
				t.Errorf("there are %v, want %v; synced %q, want %q", got, want, did, c.did)
			}
		})
	}
}

// TestNoName: a file that cannot get its name leaves none under another.
func TestNoName(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "x", "full"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := (durable.Writer{}).Replace(filepath.Join(dir, "x"), durable.Bytes(nil)); err == nil {
		t.Error("a file took the place of a folder")
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("left %v, %v", entries, err)
	}
}

// TestWhileItIsWritten: the old file is there until the new one is whole, and the name of the new one is known as what it is.
func TestWhileItIsWritten(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "x")
	for _, text := range []string{"old", "new"} {
		err := (durable.Writer{}).Replace(path, func(f *os.File) error {
			files := in(t, dir)
			_, half := files[filepath.Base(f.Name())]
			if !half || !durable.Temporary(filepath.Base(f.Name())) || durable.Temporary("x") || text == "new" && files["x"] != "old" {
				t.Errorf("while %q is written to %s there are %v", text, f.Name(), files)
			}
			return durable.Bytes([]byte(text))(f)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestPermissions(t *testing.T) {
	for perm, want := range map[fs.FileMode]fs.FileMode{0: 0o600, 0o400: 0o400} {
		path := filepath.Join(t.TempDir(), "x")
		if err := (durable.Writer{Perm: perm}).Replace(path, durable.Bytes(nil)); err != nil {
			t.Fatal(err)
		}
		if info, err := os.Stat(path); err != nil || info.Mode() != want {
			t.Errorf("%o: %v, %v", perm, info.Mode(), err)
		}
	}
}
