// Package postgrestest runs a PostgreSQL server for a test, in a folder of the test's own, on a socket in that folder.
package postgrestest

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"testing"
)

// Server is a running PostgreSQL server. It lives as long as its test.
type Server struct {
	t   testing.TB
	bin string              // folder of its programs
	dir string              // holds data, socket and log
	as  *syscall.Credential // the user it runs as; nil: ours
}

// Start makes a server and starts it. Without PostgreSQL's programs the test is skipped, but on CI it fails.
func Start(t testing.TB) *Server {
	t.Helper()
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb") // the pattern is well-formed
	if path, err := exec.LookPath("initdb"); err == nil {
		found = append(found, path)
	}
	if len(found) == 0 {
		const missing = "PostgreSQL is not installed: apt-get install postgresql"
		if os.Getenv("CI") == "true" {
			t.Fatal(missing)
		}
		t.Skip(missing)
	}
	s := &Server{t: t, bin: filepath.Dir(slices.Max(found))}
	s.makeDir()
	s.run("initdb", "--pgdata="+s.data(), "--username=postgres", "--auth=trust", "--no-sync", "--encoding=UTF8", "--locale=C.UTF-8")
	t.Cleanup(func() {
		if s.running() {
			s.Stop()
		}
	})
	s.Start()
	return s
}

// makeDir makes a folder that the server's user can reach, as the test's own folder is not. The server refuses to run as
// root.
func (s *Server) makeDir() {
	s.t.Helper()
	dir, err := os.MkdirTemp("", "pg") // short: the length of a socket's name is limited
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = os.RemoveAll(dir) })
	s.dir = dir
	if os.Getuid() != 0 {
		return
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		s.t.Fatal(err)
	}
	uid, errUID := strconv.ParseUint(u.Uid, 10, 32)
	gid, errGID := strconv.ParseUint(u.Gid, 10, 32)
	if err := errors.Join(errUID, errGID, os.Chown(dir, int(uid), int(gid))); err != nil {
		s.t.Fatal(err)
	}
	s.as = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
}

func (s *Server) data() string { return filepath.Join(s.dir, "data") }

// run runs one of PostgreSQL's programs to its end.
func (s *Server) run(program string, args ...string) {
	s.t.Helper()
	cmd := exec.Command(filepath.Join(s.bin, program), args...) //nolint:noctx // ends by itself, also when the test is over
	cmd.Dir, cmd.SysProcAttr = s.dir, &syscall.SysProcAttr{Credential: s.as}
	// Its output goes to a file: the server that pg_ctl leaves behind would keep a pipe open.
	out, err := os.OpenFile(filepath.Join(s.dir, "output"), os.O_CREATE|os.O_APPEND|os.O_RDWR, 0o600)
	if err != nil {
		s.t.Fatal(err)
	}
	defer out.Close()
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Run(); err != nil {
		said, _ := os.ReadFile(out.Name())
		s.t.Fatalf("%s: %v\n%s", program, err, said)
	}
}

// Start starts a server that was stopped, and returns when it takes connections.
func (s *Server) Start() {
	s.t.Helper()
	s.run("pg_ctl", "--pgdata="+s.data(), "--wait", "--log="+filepath.Join(s.dir, "log"),
		"--options=-c listen_addresses='' -c unix_socket_directories='"+s.dir+"' -c fsync=off", "start")
}

// Stop stops the server. To those who are connected it looks like a crash.
func (s *Server) Stop() {
	s.t.Helper()
	s.run("pg_ctl", "--pgdata="+s.data(), "--wait", "--mode=immediate", "stop")
}

func (s *Server) running() bool {
	_, err := os.Stat(filepath.Join(s.data(), "postmaster.pid"))
	return !errors.Is(err, fs.ErrNotExist)
}

// URL is the address of one of its databases, made by CREATE DATABASE; "postgres" is there from the start.
func (s *Server) URL(database string) string {
	return fmt.Sprintf("postgres://postgres:%s@/%s?host=%s", Password, database, s.dir)
}

// Password is in every URL. The server accepts any password; a test looks for this one where none may appear.
const Password = "hush-hush"
