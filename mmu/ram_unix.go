//go:build unix

package mmu

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// AllocRAM returns n bytes of zeroed, page-aligned host memory outside the Go
// heap. The host gives pages as they are touched.
func AllocRAM(n uint64) ([]byte, error) {
	p, err := unix.Mmap(-1, 0, int(n), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		return nil, fmt.Errorf("allocate %d MiB of guest memory: %w", n>>20, err)
	}
	return p, nil
}

// FreeRAM gives AllocRAM's memory back.
func FreeRAM(p []byte) error { return unix.Munmap(p) }
