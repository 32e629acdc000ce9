package kvmtest

import (
	"encoding/binary"
	"sync/atomic"
	"syscall"
	"unsafe"

	"goemu/emu/kvm"
)

// Offsets in struct kvm_run.
const (
	offReason = 8
	offReady  = 12
	offIF     = 13
	offUnion  = 32
)

// reset makes the registers those after a reset (SDM vol. 3A table 10-1), with the fake's lock.
func (c *CPU) reset() {
	data := kvm.Segment{Limit: 0xffff, Type: 3, Present: 1, S: 1}
	code := kvm.Segment{Base: 0xffff_0000, Limit: 0xffff, Selector: 0xf000, Type: 11, Present: 1, S: 1}
	table := kvm.DTable{Limit: 0xffff}
	s := kvm.Sregs{
		CS: code, DS: data, ES: data, FS: data, GS: data, SS: data, GDT: table, IDT: table, CR0: 0x6000_0010, APICBase: 0xfee0_0900,
		TR: kvm.Segment{Limit: 0xffff, Type: 11, Present: 1}, LDT: kvm.Segment{Limit: 0xffff, Type: 2, Present: 1},
	}
	r := kvm.Regs{RIP: 0xfff0, RFLAGS: 2}
	c.object.kept[kvm.ReqSetSregs] = bytes(kvm.ReqSetSregs, unsafe.Pointer(&s))
	c.object.kept[kvm.ReqSetRegs] = bytes(kvm.ReqSetRegs, unsafe.Pointer(&r))
}

// bytes copies a request's structure.
func bytes(r kvm.Request, p unsafe.Pointer) []byte {
	return append([]byte(nil), unsafe.Slice((*byte)(p), size(r))...)
}

// Wait waits, as a guest that loops, until it is interrupted.
func (c *CPU) Wait() syscall.Errno {
	c.fake.mu.Lock()
	defer c.fake.mu.Unlock()
	for !c.interrupted() {
		c.fake.cond.Wait()
	}
	return syscall.EINTR
}

// interrupted tells whether immediate_exit is set.
func (c *CPU) interrupted() bool {
	return atomic.LoadUint32((*uint32)(unsafe.Pointer(&c.Page[0])))>>8&1 != 0
}

// kept reads what was set into out, a pointer to the structure.
func (c *CPU) kept(r kvm.Request, out unsafe.Pointer) {
	c.fake.mu.Lock()
	defer c.fake.mu.Unlock()
	copy(unsafe.Slice((*byte)(out), size(r)), c.object.kept[r])
}

// keep sets it.
func (c *CPU) keep(r kvm.Request, in unsafe.Pointer) {
	c.fake.mu.Lock()
	defer c.fake.mu.Unlock()
	c.object.kept[r] = bytes(r, in)
}

// Regs gives the general registers.
func (c *CPU) Regs() (r kvm.Regs) {
	c.kept(kvm.ReqSetRegs, unsafe.Pointer(&r))
	return r
}

// SetRegs sets them.
func (c *CPU) SetRegs(r kvm.Regs) { c.keep(kvm.ReqSetRegs, unsafe.Pointer(&r)) }

// Sregs gives the segment and control registers.
func (c *CPU) Sregs() (s kvm.Sregs) {
	c.kept(kvm.ReqSetSregs, unsafe.Pointer(&s))
	return s
}

// SetSregs sets them.
func (c *CPU) SetSregs(s kvm.Sregs) { c.keep(kvm.ReqSetSregs, unsafe.Pointer(&s)) }

// Interrupted is the vector that was last injected.
func (c *CPU) Interrupted() (v uint32) {
	c.kept(kvm.ReqInterrupt, unsafe.Pointer(&v))
	return v
}

// Exit makes the run end for a reason with nothing more to tell.
func (c *CPU) Exit(r kvm.ExitReason) syscall.Errno {
	binary.LittleEndian.PutUint32(c.Page[offReason:], uint32(r))
	return 0
}

// Ready says whether the guest can take an interrupt, and its interrupt flag.
func (c *CPU) Ready(ready, flag bool) {
	c.Page[offReady], c.Page[offIF] = bit(ready), bit(flag)
}

func bit(b bool) byte {
	if b {
		return 1
	}
	return 0
}

// ExitIO makes it end for a port access: of count elements, with data if it is a write. What is read is in PortData at the next run.
func (c *CPU) ExitIO(write bool, port uint16, size, count int, data []byte) syscall.Errno {
	u := c.Page[offUnion:]
	u[0], u[1] = bit(write), byte(size)
	binary.LittleEndian.PutUint16(u[2:], port)
	binary.LittleEndian.PutUint32(u[4:], uint32(count))
	binary.LittleEndian.PutUint64(u[8:], ioOffset)
	copy(c.Page[ioOffset:2*ioOffset], data)
	return c.Exit(kvm.ExitIO)
}

// PortData is what the ports gave.
func (c *CPU) PortData() []byte { return c.Page[ioOffset : 2*ioOffset] }

// ExitMMIO makes it end for a memory access, with data if it is a write. What is read is in MMIOData at the next run.
func (c *CPU) ExitMMIO(write bool, addr uint64, size int, data []byte) syscall.Errno {
	u := c.Page[offUnion:]
	binary.LittleEndian.PutUint64(u, addr)
	copy(u[8:16], data)
	binary.LittleEndian.PutUint32(u[16:], uint32(size))
	u[20] = bit(write)
	return c.Exit(kvm.ExitMMIO)
}

// MMIOData is what the device gave.
func (c *CPU) MMIOData() []byte { return c.Page[offUnion+8 : offUnion+16] }

// ExitDebug makes it end for a debug exception.
func (c *CPU) ExitDebug(exception uint32, pc, dr6, dr7 uint64) syscall.Errno {
	u := c.Page[offUnion:]
	binary.LittleEndian.PutUint64(u, uint64(exception))
	for i, v := range []uint64{pc, dr6, dr7} {
		binary.LittleEndian.PutUint64(u[8+8*i:], v)
	}
	return c.Exit(kvm.ExitDebug)
}

// ExitInternalError makes KVM fail at an instruction with these bytes, or at something else.
func (c *CPU) ExitInternalError(sub uint32, code []byte) syscall.Errno {
	u := c.Page[offUnion:]
	clear(u[:144])
	binary.LittleEndian.PutUint32(u, sub)
	if code != nil {
		u[4], u[8], u[16] = 3, 1, byte(len(code))
		copy(u[17:32], code)
	}
	return c.Exit(kvm.ExitInternalError)
}

// ExitFailEntry makes the processor refuse the guest's state.
func (c *CPU) ExitFailEntry(reason uint64, cpu uint32) syscall.Errno {
	u := c.Page[offUnion:]
	binary.LittleEndian.PutUint64(u, reason)
	binary.LittleEndian.PutUint32(u[8:], cpu)
	return c.Exit(kvm.ExitFailEntry)
}

// GuestDebug is what was last set.
func (c *CPU) GuestDebug() (d kvm.GuestDebug) {
	c.kept(kvm.ReqSetGuestDebug, unsafe.Pointer(&d))
	return d
}

// SetDebugRegs sets the debug registers.
func (c *CPU) SetDebugRegs(d kvm.DebugRegs) { c.keep(kvm.ReqSetDebugRegs, unsafe.Pointer(&d)) }

// SetEvents sets what is pending.
func (c *CPU) SetEvents(e kvm.Events) { c.keep(kvm.ReqSetVCPUEvents, unsafe.Pointer(&e)) }

// Events gives what is pending.
func (c *CPU) Events() (e kvm.Events) {
	c.kept(kvm.ReqSetVCPUEvents, unsafe.Pointer(&e))
	return e
}

// LAPIC gives the registers of the local APIC.
func (c *CPU) LAPIC() (a kvm.LAPIC) {
	c.kept(kvm.ReqSetLAPIC, unsafe.Pointer(&a))
	return a
}

// SetLAPIC sets them.
func (c *CPU) SetLAPIC(a kvm.LAPIC) { c.keep(kvm.ReqSetLAPIC, unsafe.Pointer(&a)) }

// MCGCap gives what KVM_X86_SETUP_MCE has set.
func (c *CPU) MCGCap() (v uint64) {
	c.kept(kvm.ReqSetupMCE, unsafe.Pointer(&v))
	return v
}

// startTimer is what Linux does with the timer when the local APIC's registers are set: a deadline from before, which is no register of it, counts on, and has passed here.
func (c *CPU) startTimer(regs []byte) {
	const deadline, lvt, irr, mode = 0x6e0, 0x320, 0x200, 2 << 17
	was := c.object.kept[kvm.ReqSetLAPIC]
	le := binary.LittleEndian
	if was == nil || c.MSRs[deadline] == 0 || le.Uint32(was[lvt:])&mode == 0 || le.Uint32(regs[lvt:])&mode == 0 {
		return
	}
	c.MSRs[deadline] = 0
	regs[irr+int(regs[lvt])/32*16+int(regs[lvt])%32/8] |= 1 << (regs[lvt] % 8)
}

// MPState tells whether the processor runs.
func (c *CPU) MPState() (s kvm.MPState) {
	c.kept(kvm.ReqSetMPState, unsafe.Pointer(&s))
	return s
}

// SetMPState has it run or not.
func (c *CPU) SetMPState(s kvm.MPState) { c.keep(kvm.ReqSetMPState, unsafe.Pointer(&s)) }

// ExitEOI makes the run end for the end of a level-triggered interrupt.
func (c *CPU) ExitEOI(vector uint8) syscall.Errno {
	c.Page[offUnion] = vector
	return c.Exit(kvm.ExitIOAPICEOI)
}

// ExitMSR makes it end for an MSR that is left to the caller. The answer is in MSRAnswer at the next run.
func (c *CPU) ExitMSR(write bool, n uint32, v uint64) syscall.Errno {
	u := c.Page[offUnion:]
	clear(u[:32])
	binary.LittleEndian.PutUint32(u[12:], n)
	binary.LittleEndian.PutUint64(u[16:], v)
	if write {
		return c.Exit(kvm.ExitWRMSR)
	}
	return c.Exit(kvm.ExitRDMSR)
}

// MSRAnswer is what it was.
func (c *CPU) MSRAnswer() (v uint64, fail bool) {
	u := c.Page[offUnion:]
	return binary.LittleEndian.Uint64(u[16:]), u[0] != 0
}
