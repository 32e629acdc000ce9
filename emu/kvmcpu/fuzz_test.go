package kvmcpu

import (
	"strings"
	"syscall"
	"testing"

	"goemu/emu/kvm"
	"goemu/emu/kvm/kvmtest"
)

// FuzzFailures has a vCPU run through exits and requests that fail, in any order. Each access is made once, each failure is told once, and KVM can be begun again.
func FuzzFailures(f *testing.F) {
	f.Add([]byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9})
	f.Add([]byte{0, 0x90, 1, 0xa0, 0xb0, 9, 9, 9})
	requests := []kvm.Request{
		kvm.ReqRun, kvm.ReqGetRegs, kvm.ReqSetRegs, kvm.ReqGetSregs, kvm.ReqSetSregs, kvm.ReqGetXSAVE, kvm.ReqSetXSAVE, kvm.ReqGetVCPUEvents, kvm.ReqSetVCPUEvents,
		kvm.ReqGetMSRs, kvm.ReqSetMSRs, kvm.ReqInterrupt, kvm.ReqSetGuestDebug, kvm.ReqGetDebugRegs, kvm.ReqSetDebugRegs,
	}
	errnos := []syscall.Errno{syscall.ENOMEM, syscall.EINTR, syscall.EFAULT, syscall.EINVAL}
	f.Fuzz(func(t *testing.T, p []byte) {
		if len(p) > 200 {
			return
		}
		b := newBench(t)
		b.cpu.SetFlags(0x202)
		accesses := 0
		access := func(errno syscall.Errno) syscall.Errno {
			accesses++
			return errno
		}
		exits := []func(c *kvmtest.CPU) syscall.Errno{
			func(c *kvmtest.CPU) syscall.Errno { return access(c.ExitIO(true, 0x80, 1, 1, []byte{7})) },
			func(c *kvmtest.CPU) syscall.Errno { return access(c.ExitIO(false, 0x60, 2, 1, nil)) },
			func(c *kvmtest.CPU) syscall.Errno { return access(c.ExitIO(true, 0xba, 1, 1, []byte{7})) },
			func(c *kvmtest.CPU) syscall.Errno { return access(c.ExitMMIO(false, 0xd0008, 4, nil)) },
			func(c *kvmtest.CPU) syscall.Errno { return access(c.ExitMMIO(true, 0xd0008, 4, []byte{1, 2, 3, 4})) },
			func(c *kvmtest.CPU) syscall.Errno { return c.ExitInternalError(kvm.EmulationFailed, []byte{0x90}) },
			func(c *kvmtest.CPU) syscall.Errno { return c.ExitInternalError(3, nil) },
			func(c *kvmtest.CPU) syscall.Errno { return c.ExitFailEntry(7, 1) },
			func(c *kvmtest.CPU) syscall.Errno { return c.Exit(kvm.ExitIRQWindow) },
			func(c *kvmtest.CPU) syscall.Errno {
				c.Ready(true, true)
				b.vector = 0x20
				return c.Exit(kvm.ExitIRQWindow)
			},
			func(c *kvmtest.CPU) syscall.Errno { return c.Exit(kvm.ExitHLT) },
			func(c *kvmtest.CPU) syscall.Errno { return syscall.EINTR },
		}
		var script []func(c *kvmtest.CPU) syscall.Errno
		for _, x := range p {
			if x < 0x80 {
				script = append(script, exits[int(x)%len(exits)])
				continue
			}
			// The request fails from the next exit on.
			fail := func(c *kvmtest.CPU) syscall.Errno {
				b.Fail(requests[int(x&0x7f)%len(requests)], errnos[int(x>>5)&3])
				return syscall.EINTR
			}
			script = append(script, fail)
		}
		count := func() (made, failed int) {
			for _, l := range b.log {
				switch {
				case strings.HasPrefix(l, "failed: "):
					failed++
				case l != "wait" && !strings.HasPrefix(l, "trap"):
					made++
				}
			}
			return made, failed
		}
		for begins := 1; len(script) > 0 && begins < 20; begins++ {
			b.run(script...)
			script = b.script
			made, failed := count()
			if made != accesses {
				t.Fatalf("%d accesses, %d made: %q", accesses, made, b.log)
			}
			if failed > begins {
				t.Fatalf("%d failures told in %d runs: %q", failed, begins, b.log)
			}
			if b.lost || b.machine.Error() != nil {
				return
			}
			b.v.Leave()
			b.v.Begin()
			if b.lost {
				return
			}
			b.cpu.Wake()
		}
	})
}
