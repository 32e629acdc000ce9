package kvm

import (
	"syscall"
	"unsafe"
)

// Device is where KVM is.
const Device = "/dev/kvm"

// Sys is what the package asks of the operating system. A fake injects faults, or is a KVM of its own (package kvmtest).
type Sys interface {
	// Open opens a device for reading and writing.
	Open(path string) (fd int, err error)
	Close(fd int) error
	// Ioctl gives value to requests that take a number, and p to those that take a structure.
	Ioctl(fd int, r Request, value uintptr, p unsafe.Pointer) (int, syscall.Errno)
	// Mmap maps what a processor shares with the kernel; Munmap undoes it.
	Mmap(fd, length int) ([]byte, error)
	Munmap(b []byte) error
	// Thread is the calling thread, and Kick interrupts it, or does nothing if it has ended.
	Thread() int
	Kick(thread int)
}
