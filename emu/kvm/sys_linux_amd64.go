package kvm

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// System is the host's operating system.
var System Sys = linux{}

type linux struct{}

func (linux) Open(path string) (int, error) { return unix.Open(path, unix.O_RDWR|unix.O_CLOEXEC, 0) }

func (linux) Close(fd int) error { return unix.Close(fd) }

func (linux) Ioctl(fd int, r Request, value uintptr, p unsafe.Pointer) (int, syscall.Errno) {
	if p != nil {
		n, _, e := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), uintptr(r), uintptr(p))
		return int(n), e
	}
	n, _, e := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), uintptr(r), value)
	return int(n), e
}

func (linux) Mmap(fd, length int) ([]byte, error) {
	return unix.Mmap(fd, 0, length, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
}

func (linux) Munmap(b []byte) error { return unix.Munmap(b) }

func (linux) Thread() int {
	n, _, _ := unix.RawSyscall(unix.SYS_GETTID, 0, 0, 0)
	return int(n)
}

// Kick sends SIGURG, which Go's own runtime uses to interrupt threads: its handler is there and does no harm.
func (linux) Kick(thread int) {
	// ESRCH, the thread having ended, is as good.
	_ = unix.Tgkill(unix.Getpid(), thread, unix.SIGURG)
}
