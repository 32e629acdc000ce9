package kvmtest

import (
	"syscall"
	"unsafe"

	"goemu/emu/kvm"
)

// Line is a level that a line into the interrupt controllers was set to.
type Line struct {
	GSI  uint32
	High bool
}

// Offsets in struct kvm_irqchip, of what is of each controller.
const chipData = 8

// chip reads or sets one of the controllers.
func (f *Fake) chip(arg []byte, set bool) (int, syscall.Errno) {
	c := kvm.Chip(arg[0])
	if c > kvm.ChipIOAPIC {
		return -1, syscall.EINVAL
	}
	if set {
		f.chips[c] = append([]byte(nil), arg[chipData:]...)
	} else {
		clear(arg[chipData:])
		copy(arg[chipData:], f.chips[c])
	}
	return 0, 0
}

// at reads or sets a controller's structure at p.
func (f *Fake) at(c kvm.Chip, p []byte, set bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if set {
		f.chips[c] = append([]byte(nil), p...)
	} else {
		copy(p, f.chips[c])
	}
}

// PIC gives an 8259A.
func (f *Fake) PIC(c kvm.Chip) (p kvm.PIC) {
	f.at(c, unsafe.Slice((*byte)(unsafe.Pointer(&p)), unsafe.Sizeof(p)), false)
	return p
}

// SetPIC sets it.
func (f *Fake) SetPIC(c kvm.Chip, p kvm.PIC) {
	f.at(c, unsafe.Slice((*byte)(unsafe.Pointer(&p)), unsafe.Sizeof(p)), true)
}

// IOAPIC gives the I/O APIC.
func (f *Fake) IOAPIC() (a kvm.IOAPIC) {
	f.at(kvm.ChipIOAPIC, unsafe.Slice((*byte)(unsafe.Pointer(&a)), unsafe.Sizeof(a)), false)
	return a
}

// SetIOAPIC sets it.
func (f *Fake) SetIOAPIC(a kvm.IOAPIC) {
	f.at(kvm.ChipIOAPIC, unsafe.Slice((*byte)(unsafe.Pointer(&a)), unsafe.Sizeof(a)), true)
}
