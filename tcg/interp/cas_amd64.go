package interp

import "unsafe"

// cas128 compares the 16 bytes at p, which is so aligned, with hi:lo and replaces them if they are equal, atomically.
// It gives what was there.
//
//go:noescape
func cas128(p unsafe.Pointer, lo, hi, newLo, newHi uint64) (oldLo, oldHi uint64, equal bool)
