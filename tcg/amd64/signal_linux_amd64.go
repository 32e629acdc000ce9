package amd64

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"syscall"
	"unsafe"
)

// A chain of blocks that never leaves would stop the Go runtime for ever: for garbage collection and
// preemption it wants every thread back, and sends SIGURG to those that do not come. A handler of our own stands before
// Go's: if the interrupted PC is in a code arena it sets Env.ExitReq, so that the
// code leaves at the next block head. Then Go's handler runs as ever.

// maxArenas is how many engines a process can have at a time.
const maxArenas = 64

// arenas holds the bounds of all code arenas for the signal handler: lo, hi; hi 0 is a free entry.
var arenas [maxArenas][2]uintptr

// goHandler is the runtime's handler of SIGURG.
var goHandler uintptr

var hook struct {
	sync.Mutex
	installed bool
}

// sigurgPC gives the address of the signal handler, which has C's calling convention.
func sigurgPC() uintptr

// sigaction is the kernel's struct of rt_sigaction(2) on amd64.
type sigaction struct {
	handler, flags, restorer uintptr
	mask                     uint64
}

// rtSigaction calls rt_sigaction(2) for SIGURG.
func rtSigaction(set, old *sigaction) error {
	_, _, e := syscall.RawSyscall6(syscall.SYS_RT_SIGACTION, uintptr(syscall.SIGURG), uintptr(unsafe.Pointer(set)),
		uintptr(unsafe.Pointer(old)), unsafe.Sizeof(set.mask), 0, 0)
	if e != 0 {
		return e
	}
	return nil
}

// watchArena tells the handler of an arena, and installs it the first time.
func watchArena(lo, hi uintptr) error {
	hook.Lock()
	defer hook.Unlock()
	if !hook.installed {
		var sa sigaction
		if err := rtSigaction(nil, &sa); err != nil {
			return fmt.Errorf("reading the handler of SIGURG: %w", err)
		}
		goHandler = sa.handler
		sa.handler = sigurgPC()
		if goHandler > 1 { // not SIG_DFL or SIG_IGN: the runtime preempts by signals
			if err := rtSigaction(&sa, nil); err != nil {
				return fmt.Errorf("installing the handler of SIGURG: %w", err)
			}
		}
		hook.installed = true
	}
	for i := range arenas {
		if a := &arenas[i]; a[1] == 0 {
			atomic.StoreUintptr(&a[0], lo)
			atomic.StoreUintptr(&a[1], hi)
			return nil
		}
	}
	return errors.New("too many code arenas")
}

// unwatchArena forgets the arena that starts at lo.
func unwatchArena(lo uintptr) {
	hook.Lock()
	defer hook.Unlock()
	for i := range arenas {
		if a := &arenas[i]; a[1] != 0 && a[0] == lo {
			atomic.StoreUintptr(&a[1], 0)
		}
	}
}
