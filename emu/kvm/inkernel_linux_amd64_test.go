package kvm_test

import (
	"encoding/binary"
	"errors"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"goemu/emu/kvm"
)

// interrupted is a guest that programs the 8259As and waits for interrupts of vectors from 0x20; each gives a write of its vector to port 0x80.
var interrupted = []byte{
	0xb0, 0x11, 0xe6, 0x20, // ICW1: mov al, 0x11; out 0x20, al
	0xb0, 0x20, 0xe6, 0x21, // ICW2: vectors from 0x20
	0xb0, 0x04, 0xe6, 0x21, // ICW3
	0xb0, 0x01, 0xe6, 0x21, // ICW4
	0xb0, 0x00, 0xe6, 0x21, // OCW1: nothing masked
	0xe6, 0x82, // out 0x82, al: ready
	0xfb,       // sti
	0xeb, 0xfe, // jmp $
}

// handler ends the interrupt at the 8259A, writes its vector to port 0x80, and returns.
func handler(vector byte) []byte {
	return []byte{0xb0, 0x20, 0xe6, 0x20, 0xb0, vector, 0xe6, 0x80, 0xcf}
}

// withChips makes a machine whose processor has in-kernel interrupt controllers.
func withChips(t *testing.T, make func(*kvm.VM) error, code ...byte) *machine {
	t.Helper()
	m := bareMachine(t)
	if m.h.Check(kvm.CapIRQChip) <= 0 {
		t.Skip("NOT RUN: this host's KVM has no in-kernel interrupt controllers")
	}
	check(t, make(m.vm))
	var err error
	if m.cpu, err = m.vm.CreateVCPU(0); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { check(t, m.cpu.Close()) })
	copy(m.ram[start:], code)
	for v := range 32 {
		at := 0x4000 + 0x20*v
		copy(m.ram[at:], handler(byte(0x20+v)))
		binary.LittleEndian.PutUint16(m.ram[(0x20+v)*4:], uint16(at))
	}
	m.realMode()
	return m
}

// vector runs until the guest tells of an interrupt.
func (m *machine) vector(want byte) {
	m.t.Helper()
	m.want(kvm.ExitIO)
	if io := m.cpu.IO(); io.Port != 0x80 || io.Data[0] != want {
		m.t.Fatalf("%+v: want vector %#x", io, want)
	}
}

// ready runs until the guest has programmed the 8259As, without exits for them.
func (m *machine) ready() {
	m.t.Helper()
	m.want(kvm.ExitIO)
	if io := m.cpu.IO(); io.Port != 0x82 {
		m.t.Fatalf("%+v: the 8259As are not in the kernel", io)
	}
}

func TestIRQChip(t *testing.T) {
	m := withChips(t, (*kvm.VM).CreateIRQChip, interrupted...)
	m.ready()
	check(t, m.vm.IRQLine(5, true))
	m.vector(0x25)
	check(t, m.vm.IRQLine(5, false))
	var p kvm.PIC
	check(t, m.vm.PIC(kvm.ChipMaster, &p))
	if p.Base != 0x20 || p.IMR != 0 || p.ISR != 0 {
		t.Errorf("%+v", p)
	}
	p.IMR = 0x40
	check(t, m.vm.SetPIC(kvm.ChipMaster, &p))
	check(t, m.vm.IRQLine(6, true)) // masked
	check(t, m.vm.IRQLine(7, true))
	m.vector(0x27)
	var a kvm.IOAPIC
	check(t, m.vm.IOAPIC(&a))
	if a.Base != 0xfec0_0000 || a.Redirections[3]>>16&1 != 1 {
		t.Errorf("%#x", a)
	}
	a.Redirections[3] = 0x1_0055
	check(t, m.vm.SetIOAPIC(&a))
	check(t, m.vm.IOAPIC(&a))
	if a.Redirections[3] != 0x1_0055 {
		t.Errorf("%#x", a.Redirections)
	}
	if s, err := m.cpu.MPState(); s != kvm.Runnable || err != nil {
		t.Errorf("%v, %v", s, err)
	}
	oneLine(t, m.vm.CreateIRQChip(), syscall.EEXIST, "KVM_CREATE_IRQCHIP")
	oneLine(t, m.cpu.Interrupt(0x20), syscall.ENXIO, "KVM_INTERRUPT")
	oneLine(t, m.vm.PIC(9, &p), syscall.EINVAL, "KVM_GET_IRQCHIP")
	oneLine(t, m.vm.SetPIC(9, &p), syscall.EINVAL, "KVM_SET_IRQCHIP")
}

// TestPIT: the in-kernel 8254 interrupts without any exit for its ports.
func TestPIT(t *testing.T) {
	code := append([]byte{0xb0, 0x34, 0xe6, 0x43, 0xb0, 0x00, 0xe6, 0x40, 0xb0, 0x10, 0xe6, 0x40}, interrupted...) // mode 2, count 0x1000
	m := withChips(t, func(vm *kvm.VM) error {
		if err := vm.CreateIRQChip(); err != nil {
			return err
		}
		return vm.CreatePIT(kvm.PITSpeakerDummy)
	}, code...)
	m.ready()
	m.vector(0x20)
	m.vector(0x20)
	var p kvm.PIT
	check(t, m.vm.PIT(&p))
	if c := p.Channels[0]; c.Count != 0x1000 || c.Mode != 2 {
		t.Errorf("%+v", c)
	}
	p.Channels[2].Count, p.Channels[2].Mode = 0x1234, 3
	check(t, m.vm.SetPIT(&p))
	check(t, m.vm.PIT(&p))
	if c := p.Channels[2]; c.Count != 0x1234 || c.Mode != 3 {
		t.Errorf("%+v", c)
	}
	oneLine(t, m.vm.CreatePIT(0), syscall.EEXIST, "KVM_CREATE_PIT2")
}

// enableAPIC switches the local APIC on by its spurious vector register.
func (m *machine) enableAPIC() {
	m.t.Helper()
	var a kvm.LAPIC
	check(m.t, m.cpu.LAPIC(&a))
	binary.LittleEndian.PutUint32(a[0xf0:], 0x1ff)
	check(m.t, m.cpu.SetLAPIC(&a))
	check(m.t, m.cpu.LAPIC(&a))
	if v := binary.LittleEndian.Uint32(a[0xf0:]); v != 0x1ff {
		m.t.Errorf("SVR %#x", v)
	}
}

// TestMSI sends messages directly, and by an eventfd and a route.
func TestMSI(t *testing.T) {
	m := withChips(t, (*kvm.VM).CreateIRQChip, interrupted...)
	if m.h.Check(kvm.CapSignalMSI) <= 0 || m.h.Check(kvm.CapIRQFD) <= 0 || m.h.Check(kvm.CapIRQRouting) <= 0 {
		t.Skip("NOT RUN: this host's KVM has no MSI, IRQFD or routes")
	}
	m.enableAPIC()
	m.ready()
	if ok, err := m.vm.SignalMSI(&kvm.MSI{AddressLow: 0xfee0_0000, Data: 0x31}); !ok || err != nil {
		t.Fatal(ok, err)
	}
	m.vector(0x31)
	const gsi = 30
	check(t, m.vm.SetGSIRouting([]kvm.Route{kvm.ChipRoute(4, kvm.ChipMaster, 4), kvm.MSIRoute(gsi, 0xfee0_0000, 0x35)}))
	fd := event(t)
	check(t, m.vm.IRQFD(fd, gsi, -1))
	signal(t, fd)
	m.vector(0x35)
	check(t, m.vm.RemoveIRQFD(fd, gsi))
	oneLine(t, m.vm.IRQFD(-1, gsi, -1), syscall.EBADF, "KVM_IRQFD")
	oneLine(t, m.vm.SetGSIRouting([]kvm.Route{{GSI: 1, Type: 99}}), syscall.EINVAL, "KVM_SET_GSI_ROUTING")
	if err := m.vm.SetGSIRouting(make([]kvm.Route, 5000)); err == nil {
		t.Error("5000 routes")
	}
	if _, err := m.vm.SignalMSI(&kvm.MSI{Flags: 1 << 31}); !errors.Is(err, syscall.EINVAL) {
		t.Errorf("MSI with unknown flags: %v", err)
	}
}

// TestSplit: local APICs in the kernel, everything else here.
func TestSplit(t *testing.T) {
	m := withChips(t, func(vm *kvm.VM) error { return vm.SplitIRQChip(24) },
		0xe6, 0x82, // out 0x82, al
		0xfb,       // sti
		0xf4,       // hlt, which waits in the kernel
		0xeb, 0xfd) // jmp to it
	m.enableAPIC()
	m.ready()
	if ok, err := m.vm.SignalMSI(&kvm.MSI{AddressLow: 0xfee0_0000, Data: 0x33}); !ok || err != nil {
		t.Fatal(ok, err)
	}
	m.want(kvm.ExitIO)
	if io := m.cpu.IO(); io.Port != 0x20 { // the handler's EOI to the 8259A, which is not in the kernel
		t.Errorf("%+v", io)
	}
	m.vector(0x33)
	oneLine(t, m.vm.SplitIRQChip(24), syscall.EEXIST, "KVM_CAP_SPLIT_IRQCHIP")
}

// event makes an eventfd.
func event(t *testing.T) int {
	t.Helper()
	fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { check(t, unix.Close(fd)) })
	return fd
}

func signal(t *testing.T, fd int) {
	t.Helper()
	_, err := unix.Write(fd, []byte{1, 0, 0, 0, 0, 0, 0, 0})
	check(t, err)
}

// signals reads how often an eventfd was signalled.
func signals(t *testing.T, fd int) uint64 {
	t.Helper()
	var b [8]byte
	if _, err := unix.Read(fd, b[:]); errors.Is(err, syscall.EAGAIN) {
		return 0
	} else if err != nil {
		t.Fatal(err)
	}
	return binary.LittleEndian.Uint64(b[:])
}

// TestDoorbells: writes that signal give no exits.
func TestDoorbells(t *testing.T) {
	m := newMachine(t,
		0xb8, 0x00, 0xa0, // mov ax, 0xa000
		0x8e, 0xc0, // mov es, ax
		0xb8, 0x11, 0x00, // mov ax, 0x11
		0xe7, 0x90, // out 0x90, ax
		0xe7, 0x90, // out 0x90, ax
		0x26, 0xa3, 0x10, 0x00, // mov [es:0x10], ax
		0xb8, 0x12, 0x00, // mov ax, 0x12
		0xe7, 0x90, // out 0x90, ax: no match, an exit
		0xf4) // hlt
	if m.h.Check(kvm.CapIOEventFD) <= 0 {
		t.Skip("NOT RUN: this host's KVM has no IOEVENTFD")
	}
	port, mem := event(t), event(t)
	onPort := kvm.Doorbell{FD: port, Port: true, Addr: 0x90, Length: 2, Match: true, Value: 0x11}
	onMem := kvm.Doorbell{FD: mem, Addr: 0xa0010, Length: 2}
	check(t, m.vm.IOEventFD(onPort))
	check(t, m.vm.IOEventFD(onMem))
	oneLine(t, m.vm.IOEventFD(onPort), syscall.EEXIST, "a doorbell at port 0x90, 2 bytes")
	m.want(kvm.ExitIO)
	if io := m.cpu.IO(); io.Port != 0x90 || io.Data[0] != 0x12 {
		t.Errorf("%+v", io)
	}
	m.want(kvm.ExitHLT)
	if p, n := signals(t, port), signals(t, mem); p != 2 || n != 1 {
		t.Errorf("%d and %d signals, not 2 and 1", p, n)
	}
	check(t, m.vm.RemoveIOEventFD(onPort))
	check(t, m.vm.RemoveIOEventFD(onMem))
	oneLine(t, m.vm.RemoveIOEventFD(onMem), syscall.ENOENT, "removing the doorbell at memory 0xa0010")
	oneLine(t, m.vm.IOEventFD(kvm.Doorbell{FD: port, Addr: 1, Length: 3}), syscall.EINVAL, "KVM_IOEVENTFD")
}

// TestCoalesced: writes are collected in order, and are there at the next exit.
func TestCoalesced(t *testing.T) {
	m := newMachine(t,
		0xb8, 0x00, 0xa0, // mov ax, 0xa000
		0x8e, 0xc0, // mov es, ax
		0xb8, 0x34, 0x12, // mov ax, 0x1234
		0x26, 0xa3, 0x02, 0x00, // mov [es:2], ax
		0x26, 0xa2, 0x04, 0x00, // mov [es:4], al
		0xe6, 0x91, // out 0x91, al
		0x26, 0xa0, 0x00, 0x00, // mov al, [es:0]: reads are exits
		0xf4) // hlt
	if m.h.Check(kvm.CapCoalescedMMIO) <= 0 || m.h.Check(kvm.CapCoalescedPIO) <= 0 {
		t.Skip("NOT RUN: this host's KVM collects no writes")
	}
	check(t, m.vm.Coalesce(0xa0000, 0x1000, false))
	check(t, m.vm.Coalesce(0x91, 1, true))
	m.want(kvm.ExitMMIO)
	type write struct {
		addr uint64
		data string
		port bool
	}
	var got []write
	take := func(addr uint64, data []byte, port bool) { got = append(got, write{addr, string(data), port}) }
	m.cpu.Coalesced(take)
	want := []write{{0xa0002, "\x34\x12", false}, {0xa0004, "\x34", false}, {0x91, "\x34", true}}
	if len(got) != 3 || got[0] != want[0] || got[1] != want[1] || got[2] != want[2] {
		t.Errorf("%+v, not %+v", got, want)
	}
	got = nil
	m.cpu.Coalesced(take)
	if got != nil {
		t.Errorf("again: %+v", got)
	}
	m.want(kvm.ExitHLT)
	check(t, m.vm.StopCoalescing(0xa0000, 0x1000, false))
	check(t, m.vm.StopCoalescing(0x91, 1, true))
	m.realMode()
	m.want(kvm.ExitMMIO)
	if a := m.cpu.MMIO(); !a.Write || a.Addr != 0xa0002 {
		t.Errorf("%+v", a)
	}
}

// TestCoalesceLacking: a KVM that cannot says so.
func TestCoalesceLacking(t *testing.T) {
	fake, _, _, vm, cpu := falseMachine(t)
	fake.Caps[kvm.CapCoalescedPIO] = 0
	oneLine(t, vm.Coalesce(0x80, 1, true), 0, "lacks KVM_CAP_COALESCED_PIO")
	cpu.Coalesced(func(uint64, []byte, bool) { t.Error("a write from nowhere") })
}
