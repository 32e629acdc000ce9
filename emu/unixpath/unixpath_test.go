package unixpath

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The longest path that is allowed is one that the host takes, and it does not take one more.
func TestCheck(t *testing.T) {
	dir, err := os.MkdirTemp("/tmp", "u")
	if err != nil {
		t.Skip("NOT RUN: ", err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	for n := Max - 1; n <= Max+1; n++ {
		path := filepath.Join(dir, strings.Repeat("x", n-len(dir)-1))
		l, host := net.Listen("unix", path)
		if host == nil {
			l.Close()
		}
		err := Check(path)
		if len(path) != n || (err == nil) != (host == nil) || (err == nil) != (n <= Max) {
			t.Errorf("%d bytes: %v; the host: %v", len(path), err, host)
		}
		if err != nil && (!strings.Contains(err.Error(), path) || strings.Contains(err.Error(), "\n")) {
			t.Error(err)
		}
	}
}
