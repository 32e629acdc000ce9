package kvm

import "unsafe"

// Regs is struct kvm_regs (KVM API 4.11).
type Regs struct {
	RAX, RBX, RCX, RDX uint64
	RSI, RDI, RSP, RBP uint64
	R8, R9, R10, R11   uint64
	R12, R13, R14, R15 uint64
	RIP, RFLAGS        uint64
}

// Segment is struct kvm_segment: the attributes are those of the descriptor, one a byte, the limit in bytes.
type Segment struct {
	Base     uint64
	Limit    uint32
	Selector uint16
	Type     uint8
	Present  uint8
	DPL      uint8
	DB       uint8
	S        uint8
	L        uint8
	G        uint8
	AVL      uint8
	Unusable uint8
	_        uint8
}

// DTable is struct kvm_dtable: GDTR or IDTR.
type DTable struct {
	Base  uint64
	Limit uint16
	_     [3]uint16
}

// Sregs is struct kvm_sregs (KVM API 4.13).
type Sregs struct {
	CS, DS, ES, FS, GS, SS  Segment
	TR, LDT                 Segment
	GDT, IDT                DTable
	CR0, CR2, CR3, CR4, CR8 uint64
	EFER                    uint64
	APICBase                uint64
	InterruptBitmap         [4]uint64 // an interrupt that was injected and not yet delivered
}

// Regs reads the general registers (KVM API 4.11).
func (v *VCPU) Regs(r *Regs) error { return v.ask(ReqGetRegs, unsafe.Pointer(r), "reading registers") }

// SetRegs sets them (KVM API 4.12). It drops a pending exception that has not been delivered, so events are set after.
func (v *VCPU) SetRegs(r *Regs) error {
	return v.ask(ReqSetRegs, unsafe.Pointer(r), "setting registers")
}

// Sregs reads the segment and control registers (KVM API 4.13).
func (v *VCPU) Sregs(s *Sregs) error {
	return v.ask(ReqGetSregs, unsafe.Pointer(s), "reading segment and control registers")
}

// SetSregs sets them (KVM API 4.14).
func (v *VCPU) SetSregs(s *Sregs) error {
	return v.ask(ReqSetSregs, unsafe.Pointer(s), "setting segment and control registers")
}

// SyncedRegs is struct kvm_sync_regs: copies in the shared memory (KVM API chapter 5, kvm_valid_regs).
type SyncedRegs struct {
	Regs   Regs
	Sregs  Sregs
	Events Events
}

// Sets of registers, as in CapSyncRegs.
const (
	SyncRegs   = 1 << 0
	SyncSregs  = 1 << 1
	SyncEvents = 1 << 2
)

// Synced is where Run leaves the sets of registers that were asked for with Sync, and takes those that are marked with Changed.
func (v *VCPU) Synced() *SyncedRegs { return &v.run.sync }

// Sync asks for sets of registers at each exit. They must be in CapSyncRegs.
func (v *VCPU) Sync(sets uint64) { v.run.validRegs = sets }

// Changed makes the next Run take sets of registers from Synced.
func (v *VCPU) Changed(sets uint64) { v.run.dirtyRegs |= sets }

// Translation is struct kvm_translation.
type Translation struct {
	Linear                 uint64 // what is asked for
	Physical               uint64
	Valid, Writeable, User uint8
	_                      [5]uint8
}

// Translate looks a linear address up in the guest's page tables (KVM API 4.15).
func (v *VCPU) Translate(t *Translation) error {
	return v.ask(ReqTranslate, unsafe.Pointer(t), "translating an address")
}
