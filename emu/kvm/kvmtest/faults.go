// Package kvmtest has stand-ins for the operating system below package kvm: Faults makes requests to a real or a false KVM fail, and Fake is
// a KVM that keeps what it is given and runs a script in place of a guest.
package kvmtest

import (
	"sync"
	"syscall"
	"unsafe"

	"goemu/emu/kvm"
)

// Faults passes everything on, but for requests that are to fail.
type Faults struct {
	kvm.Sys
	mu   sync.Mutex
	plan map[kvm.Request][]syscall.Errno
}

// Fail makes the next requests of a kind end as the list says; 0 passes one on.
func (f *Faults) Fail(r kvm.Request, errnos ...syscall.Errno) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.plan == nil {
		f.plan = map[kvm.Request][]syscall.Errno{}
	}
	f.plan[r] = append(f.plan[r], errnos...)
}

// Ioctl is the real one's unless it is to fail.
func (f *Faults) Ioctl(fd int, r kvm.Request, value uintptr, p unsafe.Pointer) (int, syscall.Errno) {
	if e := f.next(r); e != 0 {
		return -1, e
	}
	return f.Sys.Ioctl(fd, r, value, p)
}

func (f *Faults) next(r kvm.Request) syscall.Errno {
	f.mu.Lock()
	defer f.mu.Unlock()
	l := f.plan[r]
	if len(l) == 0 {
		return 0
	}
	f.plan[r] = l[1:]
	return l[0]
}
