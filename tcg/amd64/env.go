//go:build !linux || !amd64

package amd64

import (
	"unsafe"

	"goemu/tcg"
)

// NewEnv returns a zeroed environment aligned to 64 bytes. It is never moved.
func NewEnv() (*tcg.Env, error) {
	p := make([]byte, int(unsafe.Sizeof(tcg.Env{}))+63)
	off := -uintptr(unsafe.Pointer(&p[0])) & 63
	return (*tcg.Env)(unsafe.Pointer(&p[off])), nil
}

// FreeEnv gives an environment back.
func FreeEnv(*tcg.Env) error { return nil }
