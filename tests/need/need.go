// Package need finds the programs that tests ask for an answer not written here. tests/setup installs them.
package need

import (
	"os"
	"os/exec"
	"testing"
)

// Program is the path of a program, which Debian has in a package. Without it a test is skipped, and says so; in CI, where CI is set, it fails.
func Program(t testing.TB, name, pkg string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	switch {
	case err == nil:
		return path
	case os.Getenv("CI") != "":
		t.Fatalf("%s is not installed, and in CI no test may be skipped: tests/setup installs %s", name, pkg)
	}
	t.Skipf("NOT RUN: %s is not installed; install Debian's %s, or run tests/setup", name, pkg)
	return ""
}
