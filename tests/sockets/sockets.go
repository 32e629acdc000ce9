// Package sockets gives tests folders for Unix sockets, whose paths are short: those of a test's own folder have its name, and TMPDIR may be any.
package sockets

import (
	"os"
	"testing"

	"goemu/emu/unixpath"
)

// room is how many bytes of a path are left to what a test puts into its folder.
const room = 32

// Dir is a folder that goes with the test.
func Dir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "s")
	if err == nil && len(dir) > unixpath.Max-room {
		os.Remove(dir)
		dir, err = os.MkdirTemp("/tmp", "s")
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}
