package aml

import "encoding/binary"

// Resource is one encoded resource descriptor (ACPI 6.3, 6.4).
type Resource []byte

// ResourceTemplate makes a buffer of descriptors, closed by an end tag.
func ResourceTemplate(rs ...Resource) Code {
	var p []byte
	for _, r := range rs {
		p = append(p, r...)
	}
	// A checksum of 0 says that it is not to be checked.
	return Buffer(append(p, 0x79, 0))
}

// IO is a fixed range of n (at most 255) ports that decodes 16 address bits.
func IO(port uint16, n byte) Resource {
	return Resource{0x47, 1, byte(port), byte(port >> 8), byte(port), byte(port >> 8), 1, n}
}

// IRQ is one edge-triggered, active-high ISA interrupt.
func IRQ(n int) Resource {
	return Resource(binary.LittleEndian.AppendUint16([]byte{0x22}, 1<<n))
}

// DMA is an 8-bit channel of the ISA DMA controller, at the speed that is compatible.
func DMA(channel int) Resource { return Resource{0x2a, 1 << channel, 0} }

// Memory32Fixed is a fixed range of memory below 4 GiB.
func Memory32Fixed(base, size uint32, writable bool) Resource {
	r := Resource{0x86, 9, 0, 0}
	if writable {
		r[3] = 1
	}
	r = binary.LittleEndian.AppendUint32(r, base)
	return binary.LittleEndian.AppendUint32(r, size)
}

// Interrupt lists level-triggered, active-high, shared interrupts of the I/O APIC's numbering.
// The first number stands at offset InterruptOffset.
func Interrupt(gsis ...uint32) Resource {
	const consumer, shared = 1, 8
	r := Resource{0x89, 0, 0, consumer | shared, byte(len(gsis))}
	for _, g := range gsis {
		r = binary.LittleEndian.AppendUint32(r, g)
	}
	binary.LittleEndian.PutUint16(r[1:], uint16(len(r)-3))
	return r
}

// InterruptOffset is where an Interrupt descriptor keeps its first number.
const InterruptOffset = 5

// Address-space descriptors describe windows that a bridge passes on. Kinds
// of 6.4.3.5: memory, I/O, bus numbers.
const (
	kindMemory = 0
	kindIO     = 1
	kindBus    = 2
	// The range's both ends are fixed; the bridge decodes positively.
	minMaxFixed = 0x0c
)

// BusWindow is the range of bus numbers first to last below a bridge.
func BusWindow(first, last uint16) Resource { return word(kindBus, 0, first, last) }

// IOWindow is the range of ports first to last that a bridge passes on.
func IOWindow(first, last uint16) Resource {
	const entireRange = 3
	return word(kindIO, entireRange, first, last)
}

func word(kind, typeFlags byte, first, last uint16) Resource {
	r := Resource{0x88, 13, 0, kind, minMaxFixed, typeFlags}
	for _, v := range []uint16{0, first, last, 0, last - first + 1} {
		r = binary.LittleEndian.AppendUint16(r, v)
	}
	return r
}

// MemoryWindow64 is the range of addresses first to last that a bridge passes on, and software may cache as it is told to.
func MemoryWindow64(first, last uint64) Resource {
	const writable, prefetchable = 1, 6
	r := Resource{0x8a, 43, 0, kindMemory, minMaxFixed, writable | prefetchable}
	for _, v := range []uint64{0, first, last, 0, last - first + 1} {
		r = binary.LittleEndian.AppendUint64(r, v)
	}
	return r
}

// MemoryWindow is the range of 32-bit addresses first to last that a bridge passes on.
func MemoryWindow(first, last uint32, cacheable bool) Resource {
	const writable, cached = 1, 2
	flags := byte(writable)
	if cacheable {
		flags |= cached
	}
	r := Resource{0x87, 23, 0, kindMemory, minMaxFixed, flags}
	for _, v := range []uint32{0, first, last, 0, last - first + 1} {
		r = binary.LittleEndian.AppendUint32(r, v)
	}
	return r
}
