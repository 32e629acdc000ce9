//go:build !linux || !amd64

package kvm

import (
	"errors"
	"runtime"
	"syscall"
	"unsafe"
)

// System is the host's operating system, which has no KVM for x86.
var System Sys = nothing{}

type nothing struct{}

func (nothing) Open(string) (int, error) {
	return -1, &Error{"opening " + Device, errors.ErrUnsupported,
		"goemu uses KVM on Linux on x86-64 alone, not on " + runtime.GOOS + "/" + runtime.GOARCH + "; -accel tcg or interp run here"}
}

func (nothing) Close(int) error { return nil }

func (nothing) Ioctl(int, Request, uintptr, unsafe.Pointer) (int, syscall.Errno) {
	return -1, syscall.EINVAL
}

func (nothing) Mmap(int, int) ([]byte, error) { return nil, errors.ErrUnsupported }

func (nothing) Munmap([]byte) error { return nil }

func (nothing) Thread() int { return 0 }

func (nothing) Kick(int) {}
