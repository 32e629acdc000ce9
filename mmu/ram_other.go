//go:build !unix

package mmu

import "unsafe"

// AllocRAM returns n bytes of zeroed, page-aligned memory.
func AllocRAM(n uint64) ([]byte, error) {
	p := make([]byte, n+PageSize)
	off := -uintptr(unsafe.Pointer(&p[0])) & PageMask
	return p[off : off+uintptr(n) : off+uintptr(n)], nil
}

// FreeRAM gives AllocRAM's memory back.
func FreeRAM([]byte) error { return nil }
