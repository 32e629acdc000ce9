package kvm_test

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"goemu/emu/kvm"
)

// patience is how long a guest of a few instructions may take before the host's KVM counts as one that cannot run it. It decides nothing else.
const patience = 2 * time.Minute

// machine is a guest on the host's KVM with some memory, and one processor in real mode.
type machine struct {
	t   testing.TB
	h   *kvm.Host
	vm  *kvm.VM
	cpu *kvm.VCPU
	ram []byte
}

const ramSize = 64 << 10

// newMachine makes one whose memory at 0 is code. Without KVM the test is not run, and says so.
func newMachine(t testing.TB, code ...byte) *machine {
	t.Helper()
	m := bareMachine(t)
	var err error
	if m.cpu, err = m.vm.CreateVCPU(0); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { check(t, m.cpu.Close()) })
	copy(m.ram[start:], code)
	m.realMode()
	return m
}

// bareMachine has no processor yet.
func bareMachine(t testing.TB) *machine {
	t.Helper()
	h, err := kvm.Open()
	if err != nil {
		t.Skipf("NOT RUN on KVM: %v", err)
	}
	m := &machine{t: t, h: h}
	t.Cleanup(func() { check(t, h.Close()) })
	if m.vm, err = h.CreateVM(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { check(t, m.vm.Close()) })
	m.ram = memory(t, ramSize)
	check(t, m.vm.SetMemory(kvm.Slot{Memory: m.ram}))
	check(t, m.vm.SetTSSAddr(0xfffb_d000))
	runtime.LockOSThread()
	t.Cleanup(runtime.UnlockOSThread)
	return m
}

// memory is of whole pages, outside the Go heap.
func memory(t testing.TB, n int) []byte {
	t.Helper()
	b, err := unix.Mmap(-1, 0, n, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { check(t, unix.Munmap(b)) })
	return b
}

// start is where code is.
const start = 0x1000

// realMode sets the processor to real mode at start, with all segments at 0.
func (m *machine) realMode() {
	var s kvm.Sregs
	check(m.t, m.cpu.Sregs(&s))
	s.CS.Base, s.CS.Selector = 0, 0
	check(m.t, m.cpu.SetSregs(&s))
	check(m.t, m.cpu.SetRegs(&kvm.Regs{RIP: start, RFLAGS: 2, RSP: 0x8000}))
}

// run goes to the next exit that the guest made. A guest that hangs is a host that cannot run it.
func (m *machine) run() kvm.ExitReason {
	m.t.Helper()
	var late atomic.Bool
	timer := time.AfterFunc(patience, func() {
		late.Store(true)
		m.cpu.RequestExit()
	})
	defer timer.Stop()
	for {
		r, err := m.cpu.Run()
		switch {
		case err != nil:
			m.t.Fatal(err)
		case late.Load():
			m.t.Skipf("NOT RUN: this host's KVM does not come to an end of the guest within %v", patience)
		case m.cpu.Failure() != nil && r != kvm.ExitIntr:
			m.t.Skipf("NOT RUN: this host's KVM cannot: %v", m.cpu.Failure())
		case r != kvm.ExitIntr:
			return r
		}
	}
}

// want runs to an exit that must be of a kind.
func (m *machine) want(want kvm.ExitReason) {
	m.t.Helper()
	if got := m.run(); got != want {
		m.t.Fatalf("%v, not %v", got, want)
	}
}

func TestPorts(t *testing.T) {
	m := newMachine(t,
		0xba, 0xf8, 0x03, // mov dx, 0x3f8
		0xb0, 'A', // mov al, 'A'
		0xee,             // out dx, al
		0xed,             // in ax, dx
		0xa3, 0x00, 0x20, // mov [0x2000], ax
		0xf4) // hlt
	m.want(kvm.ExitIO)
	if io := m.cpu.IO(); !io.Write || io.Port != 0x3f8 || io.Size != 1 || io.Count != 1 || string(io.Data) != "A" {
		t.Errorf("OUT: %+v", io)
	}
	m.want(kvm.ExitIO)
	io := m.cpu.IO()
	if io.Write || io.Port != 0x3f8 || io.Size != 2 || io.Count != 1 || len(io.Data) != 2 {
		t.Fatalf("IN: %+v", io)
	}
	copy(io.Data, "\x34\x12")
	m.want(kvm.ExitHLT)
	if m.ram[0x2000] != 0x34 || m.ram[0x2001] != 0x12 {
		t.Errorf("IN gave %x", m.ram[0x2000:0x2002])
	}
	if err := m.cpu.Failure(); err != nil {
		t.Errorf("HLT is a failure: %v", err)
	}
}

// TestStringPorts has REP OUTSB, which KVM may give in one piece or byte by byte.
func TestStringPorts(t *testing.T) {
	m := newMachine(t,
		0xbe, 0x00, 0x20, // mov si, 0x2000
		0xb9, 0x05, 0x00, // mov cx, 5
		0xba, 0xe9, 0x00, // mov dx, 0xe9
		0xfc,       // cld
		0xf3, 0x6e, // rep outsb
		0xf4) // hlt
	copy(m.ram[0x2000:], "hello")
	var got []byte
	for m.run() == kvm.ExitIO {
		got = append(got, m.cpu.IO().Data...)
	}
	if string(got) != "hello" {
		t.Errorf("%q", got)
	}
}

func TestMMIO(t *testing.T) {
	m := newMachine(t,
		0xb8, 0x00, 0xa0, // mov ax, 0xa000
		0x8e, 0xc0, // mov es, ax
		0x26, 0xc6, 0x06, 0x04, 0x00, 0x5a, // mov byte [es:4], 0x5a
		0x26, 0xa1, 0x08, 0x00, // mov ax, [es:8]
		0xa3, 0x00, 0x20, // mov [0x2000], ax
		0xf4) // hlt
	m.want(kvm.ExitMMIO)
	if a := m.cpu.MMIO(); !a.Write || a.Addr != 0xa0004 || string(a.Data) != "\x5a" {
		t.Errorf("write: %+v", a)
	}
	m.want(kvm.ExitMMIO)
	a := m.cpu.MMIO()
	if a.Write || a.Addr != 0xa0008 || len(a.Data) != 2 {
		t.Fatalf("read: %+v", a)
	}
	copy(a.Data, "\xcd\xab")
	m.want(kvm.ExitHLT)
	if m.ram[0x2000] != 0xcd || m.ram[0x2001] != 0xab {
		t.Errorf("read gave %x", m.ram[0x2000:0x2002])
	}
}

// TestSlots: a slot that is read only gives writes to the program; the log has the pages written; a slot can move and go.
func TestSlots(t *testing.T) {
	m := newMachine(t,
		0xb8, 0x00, 0xc0, // mov ax, 0xc000
		0x8e, 0xc0, // mov es, ax
		0x26, 0xa0, 0x00, 0x00, // mov al, [es:0]
		0xa2, 0x00, 0x30, // mov [0x3000], al
		0x26, 0xa2, 0x01, 0x00, // mov [es:1], al
		0xf4) // hlt
	if m.h.Check(kvm.CapReadonlyMem) <= 0 {
		t.Skip("NOT RUN: this host's KVM has no slots that are read only")
	}
	rom := memory(t, 4096)
	rom[0] = 0x77
	check(t, m.vm.SetMemory(kvm.Slot{Memory: m.ram, Flags: kvm.LogDirty}))
	check(t, m.vm.SetMemory(kvm.Slot{Number: 1, Flags: kvm.ReadOnly, Guest: 0xc0000, Memory: rom}))
	m.want(kvm.ExitMMIO)
	if a := m.cpu.MMIO(); !a.Write || a.Addr != 0xc0001 || a.Data[0] != 0x77 {
		t.Errorf("write to ROM: %+v", a)
	}
	m.want(kvm.ExitHLT)
	if rom[1] != 0 {
		t.Error("the guest wrote to ROM")
	}
	log := []uint64{0}
	check(t, m.vm.DirtyLog(0, log))
	if log[0] != 1<<3 {
		t.Errorf("dirty pages: %b", log[0])
	}
	check(t, m.vm.DirtyLog(0, log))
	if log[0] != 0 {
		t.Errorf("dirty pages again: %b", log[0])
	}
	check(t, m.vm.SetMemory(kvm.Slot{Number: 1, Flags: kvm.ReadOnly, Guest: 0xd0000, Memory: rom}))
	check(t, m.vm.SetMemory(kvm.Slot{Number: 1}))
	m.realMode()
	m.want(kvm.ExitMMIO) // a read: there is nothing any more
	if a := m.cpu.MMIO(); a.Write || a.Addr != 0xc0000 {
		t.Errorf("read of what is gone: %+v", a)
	}
}

// TestRequestExit asks for exits before and while the guest runs, from many goroutines.
func TestRequestExit(t *testing.T) {
	m := newMachine(t, 0xeb, 0xfe) // jmp $
	exits := func() {
		t.Helper()
		for {
			if r, err := m.cpu.Run(); err != nil || r == kvm.ExitIntr {
				check(t, err)
				return
			} else if m.cpu.Failure() != nil {
				t.Skipf("NOT RUN: this host's KVM cannot: %v", m.cpu.Failure())
			}
		}
	}
	m.cpu.RequestExit()
	exits()
	for range 20 {
		// The request may come before, in or after the switch to the guest.
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(m.cpu.RequestExit)
		}
		exits()
		wg.Wait()
	}
	// A request that came after the last exit is for the next.
	m.cpu.RequestExit()
	exits()
}

// TestInterrupt opens the window for an interrupt, and injects one.
func TestInterrupt(t *testing.T) {
	m := newMachine(t,
		0xfa,       // cli
		0x90,       // nop
		0xfb,       // sti
		0x85, 0xc0, // again: test ax, ax
		0x74, 0xfc, // jz again
		0xf4) // hlt
	// KVM may let the guest go on for a while before it opens the window, so it waits for the interrupt.
	copy(m.ram[0x2000:], []byte{0xb0, 0x99, 0xe6, 0x80, 0xcf}) // mov al, 0x99; out 0x80, al; iret
	copy(m.ram[0x21*4:], []byte{0x00, 0x20, 0, 0})
	m.cpu.RequestInterruptWindow(true)
	m.want(kvm.ExitIRQWindow)
	if !m.cpu.CanInterrupt() || !m.cpu.IF() {
		t.Fatal("the window is not open")
	}
	m.cpu.RequestInterruptWindow(false)
	check(t, m.cpu.Interrupt(0x21))
	m.want(kvm.ExitIO)
	if io := m.cpu.IO(); io.Port != 0x80 || io.Data[0] != 0x99 {
		t.Errorf("%+v", io)
	}
	m.want(kvm.ExitHLT)
	var r kvm.Regs
	check(t, m.cpu.Regs(&r))
	if r.RSP != 0x8000 || r.RIP != start+8 {
		t.Errorf("after IRET: %+v", r)
	}
}

func TestNMI(t *testing.T) {
	m := newMachine(t, 0x90, 0xf4)                 // nop; hlt
	copy(m.ram[0x2000:], []byte{0xe6, 0x81, 0xcf}) // out 0x81, al; iret
	copy(m.ram[2*4:], []byte{0x00, 0x20, 0, 0})
	check(t, m.cpu.NMI())
	m.want(kvm.ExitIO)
	if io := m.cpu.IO(); io.Port != 0x81 {
		t.Errorf("%+v", io)
	}
	m.want(kvm.ExitHLT)
}

func TestSingleStep(t *testing.T) {
	m := newMachine(t, 0x90, 0x40, 0x43, 0xf4) // nop; inc ax; inc bx; hlt
	check(t, m.cpu.SetGuestDebug(&kvm.GuestDebug{Control: kvm.DebugEnable | kvm.DebugSingleStep}))
	for i := uint64(1); i <= 3; i++ {
		m.want(kvm.ExitDebug)
		if d := m.cpu.Debug(); d.Exception != 1 || d.PC != start+i || d.DR6&(1<<14) == 0 {
			t.Errorf("step %d: %+v", i, d)
		}
	}
	check(t, m.cpu.SetGuestDebug(&kvm.GuestDebug{}))
	m.want(kvm.ExitHLT)
	var r kvm.Regs
	check(t, m.cpu.Regs(&r))
	if r.RAX != 1 || r.RBX != 1 || r.RIP != start+4 {
		t.Errorf("%+v", r)
	}
}

// TestShutdown is a triple fault: #UD in protected mode with no IDT.
func TestShutdown(t *testing.T) {
	m := newMachine(t, 0x0f, 0x0b) // ud2
	var s kvm.Sregs
	check(t, m.cpu.Sregs(&s))
	s.CR0 |= 1
	s.CS = kvm.Segment{Limit: 0xffff_ffff, Selector: 8, Type: 11, Present: 1, DB: 1, S: 1, G: 1}
	s.DS = kvm.Segment{Limit: 0xffff_ffff, Selector: 16, Type: 3, Present: 1, DB: 1, S: 1, G: 1}
	s.ES, s.SS, s.FS, s.GS = s.DS, s.DS, s.DS, s.DS
	s.IDT, s.GDT = kvm.DTable{}, kvm.DTable{}
	check(t, m.cpu.SetSregs(&s))
	m.want(kvm.ExitShutdown)
}

// TestNoAllocation is the run path: exits for ports and memory.
func TestNoAllocation(t *testing.T) {
	m := newMachine(t,
		0xb8, 0x00, 0xa0, // mov ax, 0xa000
		0x8e, 0xc0, // mov es, ax
		0xe6, 0x80, // again: out 0x80, al
		0x26, 0xa2, 0x00, 0x00, // mov [es:0], al
		0xeb, 0xf8) // jmp again
	var r kvm.Regs
	var s kvm.Sregs
	var e kvm.Events
	for range 4 {
		m.run()
	}
	n := testing.AllocsPerRun(100, func() {
		reason, err := m.cpu.Run()
		if err != nil {
			t.Error(err)
		}
		switch reason {
		case kvm.ExitIO:
			_ = m.cpu.IO()
		case kvm.ExitMMIO:
			_ = m.cpu.MMIO()
		}
		if m.cpu.Regs(&r) != nil || m.cpu.SetRegs(&r) != nil || m.cpu.Sregs(&s) != nil || m.cpu.SetSregs(&s) != nil || m.cpu.Events(&e) != nil {
			t.Error("registers")
		}
		m.cpu.RequestInterruptWindow(false)
	})
	if n != 0 {
		t.Errorf("%v allocations an exit", n)
	}
}

// BenchmarkExit is an OUT in a loop: from the guest to the program and back.
func BenchmarkExit(b *testing.B) {
	m := newMachine(b, 0xe6, 0x80, 0xeb, 0xfc) // again: out 0x80, al; jmp again
	for b.Loop() {
		if r, err := m.cpu.Run(); err != nil || r != kvm.ExitIO && r != kvm.ExitIntr {
			b.Fatal(r, err)
		}
	}
}
