//go:build !amd64

package interp

import (
	"sync"
	"unsafe"
)

var cas128Lock sync.Mutex

// cas128 compares the 16 bytes at p, which is so aligned, with hi:lo and replaces them if they are equal. It gives what was there.
// Go has no 16-byte exchange: it is atomic only against itself.
func cas128(p unsafe.Pointer, lo, hi, newLo, newHi uint64) (oldLo, oldHi uint64, equal bool) {
	cas128Lock.Lock()
	defer cas128Lock.Unlock()
	v := (*[2]uint64)(p)
	oldLo, oldHi = v[0], v[1]
	if equal = oldLo == lo && oldHi == hi; equal {
		v[0], v[1] = newLo, newHi
	}
	return oldLo, oldHi, equal
}
