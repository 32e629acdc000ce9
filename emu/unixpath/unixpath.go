// Package unixpath tells whether a Unix domain socket can have a path, in words: the host itself says no more than "invalid argument".
package unixpath

import (
	"fmt"
	"syscall"
)

// Max is the number of bytes that a path may have: the host's structure for it holds a NUL besides.
const Max = len(syscall.RawSockaddrUnix{}.Path) - 1

// Check is an error for a path that is too long.
func Check(path string) error {
	if len(path) > Max {
		return fmt.Errorf("the path of a Unix socket has at most %d bytes, and %s has %d: use a shorter one, as one from the current folder on", Max, path, len(path))
	}
	return nil
}
