//go:build unix

package chardev

import (
	"os"
	"syscall"
)

// openBoth opens a pipe or terminal without waiting for the other side.
const openBoth = os.O_RDWR | syscall.O_NONBLOCK | syscall.O_NOCTTY
