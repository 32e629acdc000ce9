package kvmcpu

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"goemu/devices/lapic"
	"goemu/emu/accel"
	"goemu/emu/inspect"
	"goemu/emu/kvm"
	"goemu/emu/kvm/kvmtest"
	"goemu/emu/x86"
	"goemu/mmu"

	"github.com/google/go-cmp/cmp"
)

const ramSize = 4 << 20

// bench is a vCPU in a false KVM, and the world around it.
type bench struct {
	*testing.T
	*kvmtest.Fake
	*kvmtest.Faults
	space   *mmu.Space
	ram     []byte
	machine *Machine
	cpu     *x86.CPU
	v       *VCPU

	script []func(c *kvmtest.CPU) syscall.Errno // runs; after the last the world says stop
	log    []string
	apic   uint64
	tpr    uint8
	vector int // an interrupt that waits; 0: none

	rate []uint64     // told
	lost bool         // by a failure
	left x86.Transfer // by a failure

	reads func() // called for a read of the device; nil: nothing is
	looks func() // called by each Poll; nil: nothing is

	lapic *lapic.LAPIC // nil: there is no more of one than apic, tpr and vector
}

func (b *bench) In(port uint16, size int) uint32 {
	b.log = append(b.log, fmt.Sprintf("in %#x %d", port, size))
	return 0x11223344
}

func (b *bench) Out(port uint16, size int, v uint32) {
	b.log = append(b.log, fmt.Sprintf("out %#x %d %#x", port, size, v))
	if port == 0xba {
		b.v.After(func() {
			b.log = append(b.log, fmt.Sprintf("trap at %#x", b.cpu.Env().RIP))
			b.cpu.Env().RIP = 0x7777
		})
	}
}

func (b *bench) Release()          {}
func (b *bench) Acquire()          {}
func (b *bench) InPlace(fn func()) { fn() }
func (b *bench) TSC() uint64       { return 5000 }
func (b *bench) APICBase() uint64 {
	if b.lapic != nil {
		return b.lapic.Base()
	}
	return b.apic
}
func (b *bench) SetAPICBase(v uint64) bool { b.apic = v; return true }
func (b *bench) TPR() uint8 {
	if b.lapic != nil {
		return b.lapic.TPR() >> 4
	}
	return b.tpr
}
func (b *bench) SetTPR(v uint8) { b.tpr = v }
func (b *bench) SetFERR(bool)   {}
func (b *bench) IGNNE() bool    { return false }
func (b *bench) Poll() bool {
	if b.looks != nil {
		b.looks()
	}
	return len(b.script) == 0
}
func (b *bench) Wait() bool {
	b.log = append(b.log, "wait")
	return b.vector == 0 || !b.cpu.InterruptWindow() // for ever
}
func (b *bench) INTR() bool {
	if b.lapic != nil {
		return b.lapic.INTR()
	}
	return b.vector != 0
}
func (b *bench) IntAck() int {
	if b.lapic != nil {
		return b.lapic.IntAck()
	}
	v := b.vector
	b.vector = 0
	return v
}
func (b *bench) Budget() int32    { return 0 }
func (b *bench) Spent(int32)      {}
func (b *bench) BlockEnd() uint64 { return b.cpu.LinearRIP() + 16 }
func (b *bench) Failed(err error, lost bool) {
	b.log = append(b.log, "failed: "+err.Error())
	if b.lost = lost; !lost {
		b.cpu.Give(&b.left)
	}
}
func (b *bench) TSCRate(hz uint64) {
	b.rate = append(b.rate, hz)
	b.cpu.SetTSCFrequency(hz)
}
func (b *bench) Translate() {
	b.log = append(b.log, "system management mode")
	b.script = nil
}
func (b *bench) Break(linear uint64) bool {
	b.log = append(b.log, fmt.Sprintf("breakpoint %#x", linear))
	return false
}
func (b *bench) Stepped() { b.log = append(b.log, fmt.Sprintf("stepped to %#x", b.cpu.LinearRIP())) }
func (b *bench) Watched(hit x86.WatchHit) {
	b.log = append(b.log, fmt.Sprintf("watchpoint %d", hit.ID))
}

// ReadMMIO and WriteMMIO implement mmu.Handler.
func (b *bench) ReadMMIO(off uint64, size int) uint64 {
	b.log = append(b.log, fmt.Sprintf("read %#x %d", off, size))
	if b.reads != nil {
		b.reads()
	}
	return 0x8877_6655_4433_2211
}

func (b *bench) WriteMMIO(off uint64, size int, v uint64) {
	b.log = append(b.log, fmt.Sprintf("write %#x %d %#x", off, size, v))
}

func newBench(t *testing.T, caps ...kvm.Cap) *bench {
	t.Helper()
	fake := kvmtest.NewFake()
	for _, c := range caps {
		fake.Caps[c] = 1
	}
	return newBenchOn(t, fake, nil)
}

// newBenchOn is newBench on a KVM of the test's, of which change, if it is not nil, has requests fail.
func newBenchOn(t *testing.T, fake *kvmtest.Fake, change func(*kvmtest.Faults)) *bench {
	t.Helper()
	return newBenchWith(t, fake, change, UserIRQChip, Controllers{}, x86.Options{})
}

// newBenchWith is newBenchOn with interrupt controllers in KVM.
func newBenchWith(t *testing.T, fake *kvmtest.Fake, change func(*kvmtest.Faults), kind IRQChip, with Controllers, opts x86.Options) *bench {
	t.Helper()
	b := &bench{T: t, Fake: fake, space: mmu.NewSpace(40), apic: 0xfee0_0900}
	if kind != UserIRQChip {
		b.lapic = with.LAPICs[0]
	}
	for n := uint32(0xc000_0081); n < 0xc000_0085; n++ {
		b.MSRs[n] = 0
	}
	b.Faults = &kvmtest.Faults{Sys: b.Fake}
	if change != nil {
		change(b.Faults)
	}
	b.Fake.Run = func(c *kvmtest.CPU) syscall.Errno {
		if len(b.script) == 0 {
			atomic.StoreUint32(&b.cpu.Env().ExitReq, 1)
			return syscall.EINTR
		}
		run := b.script[0]
		b.script = b.script[1:]
		return run(c)
	}
	var err error
	if b.ram, err = mmu.AllocRAM(ramSize); err != nil {
		t.Fatal(err)
	}
	b.space.MapRAM(0, b.ram, false)
	b.space.MapIO(0xd0000, 0x1000, b)
	env, err := accel.NewEnv()
	if err != nil {
		t.Fatal(err)
	}
	host, err := kvm.OpenSys(b.Faults)
	if err != nil {
		t.Fatal(err)
	}
	if b.machine, err = New(host, b.space, kind, with); err != nil {
		t.Fatal(err)
	}
	b.cpu = x86.New(env, b.space, b, opts)
	if b.v, err = b.machine.NewVCPU(0, b.cpu, b); err != nil {
		t.Fatal(err)
	}
	b.v.SetDebugger(b)
	b.v.Begin()
	t.Cleanup(func() {
		if err := b.machine.Close(); err != nil {
			t.Error(err)
		}
		if err := host.Close(); err != nil {
			t.Error(err)
		}
		if n := b.Files(); n != 0 {
			t.Errorf("%d files are left open", n)
		}
		if err := errors.Join(mmu.FreeRAM(b.ram), accel.FreeEnv(env)); err != nil {
			t.Error(err)
		}
	})
	return b
}

func (b *bench) run(script ...func(c *kvmtest.CPU) syscall.Errno) {
	b.Helper()
	b.script = script
	b.v.Run()
}

func (b *bench) said(want ...string) {
	b.Helper()
	if d := cmp.Diff(want, b.log); d != "" {
		b.Errorf("(-want +got)\n%s", d)
	}
	b.log = nil
}

// at makes the guest go on to an address.
func at(c *kvmtest.CPU, rip uint64) {
	r := c.Regs()
	r.RIP = rip
	c.SetRegs(r)
}

// What goes to KVM comes back.
func TestState(t *testing.T) {
	for seed := range uint64(30) {
		b := newBench(t)
		r := rand.New(rand.NewPCG(seed, 3))
		var want, got x86.Transfer
		b.cpu.Give(&want)
		for i := range want.GPR {
			want.GPR[i] = r.Uint64()
		}
		for i := range 16 {
			want.Vec[i][0], want.Vec[i][1] = r.Uint64(), r.Uint64()
		}
		want.RIP, want.RFLAGS, want.CR2 = r.Uint64()>>20, r.Uint64()&0xcd5|2, r.Uint64()
		want.CR0, want.CR3, want.CR4, want.EFER = 0x8005_0033, 0x1000, 0x620, 0xd01
		want.CPL = int(seed % 4)
		want.Seg[inspect.CS] = inspect.Segment{Selector: 0x10 | uint16(want.CPL), Limit: 0xffff_ffff, Attr: 0xa09b | uint32(want.CPL)<<5}
		want.Seg[inspect.SS] = inspect.Segment{Selector: 0x18 | uint16(want.CPL), Limit: 0xffff_ffff, Attr: 0xc093 | uint32(want.CPL)<<5}
		want.Seg[inspect.DS] = inspect.Segment{}
		want.Seg[inspect.GS].Base = 0xffff_8000_0000_0000 | r.Uint64()>>24
		want.LSTAR, want.STAR = r.Uint64()>>20, r.Uint64()
		want.NMIMasked, want.NMIPending = true, seed&1 != 0
		want.Inhibit, want.ShadowSS = seed&2 != 0, seed&6 == 6
		want.DR = [8]uint64{1, 2, 3, 4, 0, 0, 0xffff_0ff1, 0x400}
		want.X87.FCW, want.X87.FSW, want.X87.FTW = 0x37f, 0x3800, 0x3fff
		want.X87.ST[0] = inspect.Float80{Significand: 1<<63 | r.Uint64(), Exponent: 0x3fff}
		want.MXCSR = 0x1fa0
		b.cpu.Take(&want)
		b.cpu.Give(&want) // with its X87 tags settled
		b.run(func(c *kvmtest.CPU) syscall.Errno { return syscall.EINTR })
		b.cpu.Give(&got)
		if d := cmp.Diff(want, got); d != "" {
			t.Fatalf("seed %d: (-given +back)\n%s", seed, d)
		}
		b.said()
	}
}

// Ports and memory that is none go to the machine's devices; the access is finished before anybody sees the state.
func TestAccesses(t *testing.T) {
	b := newBench(t)
	finished := false
	b.run(
		func(c *kvmtest.CPU) syscall.Errno { return c.ExitIO(true, 0x80, 1, 1, []byte{0xab}) },
		func(c *kvmtest.CPU) syscall.Errno { return c.ExitIO(true, 0x1f0, 2, 2, []byte{1, 2, 3, 4}) },
		func(c *kvmtest.CPU) syscall.Errno { return c.ExitIO(false, 0x60, 4, 1, nil) },
		func(c *kvmtest.CPU) syscall.Errno {
			if p := c.PortData(); p[0] != 0x44 || p[3] != 0x11 {
				t.Errorf("the guest reads %x", p[:4])
			}
			return c.ExitMMIO(true, 0xd0010, 4, []byte{1, 2, 3, 4})
		},
		func(c *kvmtest.CPU) syscall.Errno { return c.ExitMMIO(false, 0xd0008, 8, nil) },
		func(c *kvmtest.CPU) syscall.Errno {
			if p := c.MMIOData(); p[0] != 0x11 || p[7] != 0x88 {
				t.Errorf("the guest reads %x", p)
			}
			return c.ExitMMIO(true, 0xd0021, 3, []byte{5, 6, 7})
		},
		func(c *kvmtest.CPU) syscall.Errno {
			at(c, 0x1234)
			return c.ExitIO(true, 0xba, 1, 1, []byte{0})
		},
		func(c *kvmtest.CPU) syscall.Errno {
			finished = c.Regs().RIP == 0x7777
			return syscall.EINTR
		},
	)
	b.said("out 0x80 1 0xab", "out 0x1f0 2 0x201", "out 0x1f0 2 0x403", "in 0x60 4", "write 0x10 4 0x4030201", "read 0x8 8", "write 0x21 1 0x5", "write 0x22 1 0x6",
		"write 0x23 1 0x7", "out 0xba 1 0x0", "trap at 0x1234")
	if !finished {
		t.Error("the guest does not go on where the firmware has put it")
	}
}

// Interrupts wait for the guest's window; HLT waits for them; what was injected and not delivered is delivered from the CPU.
func TestInterrupts(t *testing.T) {
	b := newBench(t)
	b.cpu.SetFlags(0x202)
	b.run(
		func(c *kvmtest.CPU) syscall.Errno {
			c.Ready(false, true)
			b.vector = 0x20
			atomic.StoreUint32(&b.cpu.Env().ExitReq, 1)
			return c.ExitIO(true, 0x80, 1, 1, []byte{1})
		},
		func(c *kvmtest.CPU) syscall.Errno {
			if b.vector == 0 {
				t.Error("the interrupt did not wait")
			}
			c.Ready(true, true)
			return c.Exit(kvm.ExitIRQWindow)
		},
		func(c *kvmtest.CPU) syscall.Errno {
			if b.vector != 0 || c.Interrupted() != 0x20 {
				t.Errorf("vector %#x, %#x injected", b.vector, c.Interrupted())
			}
			c.Ready(true, true)
			return c.Exit(kvm.ExitHLT)
		},
	)
	b.said("out 0x80 1 0x1")
	if !b.cpu.Halted() {
		t.Error("the CPU is not halted")
	}
	// An interrupt ends it, in real mode by the table at 0.
	b.ram[0x21*4], b.ram[0x21*4+1] = 0x34, 0x12
	b.vector = 0x21
	b.run(func(c *kvmtest.CPU) syscall.Errno {
		if rip := c.Regs().RIP; rip != 0x1234 {
			t.Errorf("the handler is at %#x", rip)
		}
		return c.Exit(kvm.ExitShutdown)
	})
	if b.cpu.State() != x86.Shutdown {
		t.Error("a triple fault does not shut down")
	}
	b.said()
}

// Breakpoints are debug registers; a step is one instruction; the instruction at a breakpoint that was met is passed once.
func TestDebug(t *testing.T) {
	b := newBench(t)
	b.machine.SetPoints([]Point{{ID: 1, Addr: 0x100, Exec: true}, {ID: 2, Addr: 0x2000, Write: true, Len: 4}})
	b.run(
		func(c *kvmtest.CPU) syscall.Errno {
			if g := c.GuestDebug(); g.Control != kvm.DebugEnable|kvm.DebugHardware || g.DR[0] != 0x100 || g.DR[1] != 0x2000 || g.DR[7] != 0x00d0_060a {
				t.Errorf("%+x", g)
			}
			at(c, 0x300)
			return c.ExitDebug(1, 0xffff0300, 2, 0)
		},
		func(c *kvmtest.CPU) syscall.Errno { return syscall.EINTR },
	)
	b.said("watchpoint 2")
	b.v.Step(false, false)
	b.run(func(c *kvmtest.CPU) syscall.Errno {
		if g := c.GuestDebug(); g.Control&kvm.DebugSingleStep == 0 {
			t.Errorf("%+x", g)
		}
		at(c, 0x302)
		return c.ExitDebug(1, 0xffff0302, 1<<14, 0)
	})
	b.said("stepped to 0xffff0302")
	for _, c := range []struct {
		list []Point
		want string
	}{
		{make([]Point, 5), "4 debug registers"}, {[]Point{{Read: true, Len: 4}}, "reads alone"}, {[]Point{{Write: true, Len: 4, Addr: 2}}, "a multiple"}, {[]Point{{Exec: true, Addr: 3}}, ""},
	} {
		if err := Fit(c.list); c.want == "" != (err == nil) || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v", c.list, err)
		}
	}
}

// An SMI is the translator's.
func TestSMI(t *testing.T) {
	b := newBench(t)
	b.cpu.RequestSMI()
	b.run(func(c *kvmtest.CPU) syscall.Errno {
		t.Error("KVM runs in system management mode")
		return syscall.EINTR
	})
	b.said("system management mode")
}

// What KVM fails at ends the run with one report that names it, whatever the request.
func TestFailures(t *testing.T) {
	for _, c := range []struct {
		what string
		fail kvm.Request
		err  syscall.Errno
		run  func(c *kvmtest.CPU) syscall.Errno
		want string
	}{
		{"an instruction", 0, 0, func(c *kvmtest.CPU) syscall.Errno { return c.ExitInternalError(1, []byte{0x0f, 0x58, 0xc1}) }, "bytes 0f58c1"},
		{"delivery", 0, 0, func(c *kvmtest.CPU) syscall.Errno { return c.ExitInternalError(3, nil) }, "delivering an event failed"},
		{"entry", 0, 0, func(c *kvmtest.CPU) syscall.Errno { return c.ExitFailEntry(0x80000021, 0) }, "0x80000021"},
		{"run", kvm.ReqRun, syscall.ENOMEM, nil, "KVM_RUN"},
		{"registers", kvm.ReqSetRegs, syscall.EINVAL, nil, "KVM_SET_REGS"},
		{"segments", kvm.ReqSetSregs, syscall.EINVAL, nil, "KVM_SET_SREGS"},
		{"vectors", kvm.ReqSetXSAVE, syscall.EINVAL, nil, "KVM_SET_XSAVE"},
		{"events", kvm.ReqSetVCPUEvents, syscall.EINVAL, nil, "KVM_SET_VCPU_EVENTS"},
		{"reading", kvm.ReqGetRegs, syscall.ENXIO, nil, "KVM_GET_REGS"},
	} {
		b := newBench(t)
		if c.fail != 0 {
			b.Fail(c.fail, c.err)
		}
		if c.run == nil {
			c.run = func(c *kvmtest.CPU) syscall.Errno { return syscall.EINTR }
		}
		b.run(c.run, c.run)
		if len(b.log) != 1 || !strings.HasPrefix(b.log[0], "failed: ") || !strings.Contains(b.log[0], c.want) {
			t.Errorf("%s: %q, want %q", c.what, b.log, c.want)
		}
		b.run(c.run) // nothing more
		if len(b.log) != 1 {
			t.Errorf("%s: %q", c.what, b.log)
		}
	}
	// Signals and a kernel that asks for another try are no failures.
	b := newBench(t)
	b.Fail(kvm.ReqRun, syscall.EINTR, syscall.EAGAIN, syscall.EINTR)
	b.run(func(c *kvmtest.CPU) syscall.Errno { return c.ExitIO(true, 0x80, 1, 1, []byte{7}) })
	b.said("out 0x80 1 0x7")
}

// Slots follow the memory map, and one that KVM refuses ends the next run.
func TestRemap(t *testing.T) {
	b := newBench(t)
	have := func() (bytes int) {
		for _, s := range b.Slots {
			bytes += len(s.Memory)
		}
		return bytes
	}
	if n := have(); n != ramSize-0x1000 {
		t.Errorf("%#x bytes in slots", n)
	}
	b.space.MapIO(0x100000, 0x10000, b)
	b.machine.Remap()
	if n := have(); n != ramSize-0x11000 || len(b.Slots) != 3 {
		t.Errorf("%#x bytes in %d slots", n, len(b.Slots))
	}
	b.space.Unmap(0x100000, 0x10000)
	b.Fail(kvm.ReqSetUserMemoryRegion, syscall.ENOMEM)
	b.machine.Remap()
	b.run(func(c *kvmtest.CPU) syscall.Errno { return syscall.EINTR })
	if len(b.log) != 1 || !strings.Contains(b.log[0], "guest memory") {
		t.Errorf("%q", b.log)
	}
}
