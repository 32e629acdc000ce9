// Package portmap is the I/O port space: 65,536 ports and who answers at each.
//
// A port nobody claims reads as all ones and ignores writes. An access that the
// device of its first port cannot take whole (it is wider than the device's data path, or runs out of
// its claim) is split in halves, low half first, as a bus with narrow devices does.
package portmap

import (
	"slices"

	"goemu/devices"
)

// Sizer is implemented by devices with a narrow data path: they never see an access of more
// than MaxPortSize bytes (1 or 2).
type Sizer interface {
	MaxPortSize() int
}

type claim struct {
	first uint16
	count int
	max   int // widest access, in bytes
	dev   devices.PortDevice
}

// Map is the port space. It implements devices.PortBus and devices.PortDevice.
type Map struct {
	// OnUnclaimed is told of accesses that nobody answers; nil: nobody wants to know.
	OnUnclaimed func(port uint16, size int, write bool, v uint32)

	claims []claim // oldest first; [0] is nobody
	owner  [1 << 16]uint16
}

// New returns an empty port space.
func New() *Map {
	return &Map{claims: make([]claim, 1, 64)}
}

// MapPorts claims count ports from first on for d. Ports above FFFFh are left out.
func (m *Map) MapPorts(first uint16, count int, d devices.PortDevice) {
	count = min(count, 1<<16-int(first))
	if count <= 0 || d == nil {
		return
	}
	c := claim{first: first, count: count, max: 4, dev: d}
	if s, ok := d.(Sizer); ok {
		c.max = s.MaxPortSize()
	}
	m.claims = append(m.claims, c)
	for i := range count {
		m.owner[int(first)+i] = uint16(len(m.claims) - 1)
	}
}

// UnmapPorts takes back the newest claim of exactly these ports; an older claim shows again.
func (m *Map) UnmapPorts(first uint16, count int) {
	count = min(count, 1<<16-int(first))
	for i := len(m.claims) - 1; i > 0; i-- {
		if c := m.claims[i]; c.first == first && c.count == count {
			m.claims = append(m.claims[:i], m.claims[i+1:]...)
			m.rebuild()
			return
		}
	}
}

func (m *Map) rebuild() {
	clear(m.owner[:])
	for i, c := range m.claims[1:] {
		for p := range c.count {
			m.owner[int(c.first)+p] = uint16(i + 1)
		}
	}
}

// takes returns the device that takes the whole access; whole is false if it must be split.
// dev is nil where nobody answers.
func (m *Map) takes(port uint16, size int) (dev devices.PortDevice, whole bool) {
	c := &m.claims[m.owner[port]]
	if c.dev == nil {
		return nil, size == 1
	}
	return c.dev, size <= c.max && int(port)+size <= int(c.first)+c.count
}

// nobody tells whether none of size ports from port on is claimed.
func (m *Map) nobody(port uint16, size int) bool {
	for i := range size {
		if m.owner[port+uint16(i)] != 0 {
			return false
		}
	}
	return true
}

// In reads size (1, 2 or 4) bytes.
func (m *Map) In(port uint16, size int) uint32 {
	dev, whole := m.takes(port, size)
	if dev == nil && m.nobody(port, size) {
		ones := uint32(1<<(8*size) - 1)
		if m.OnUnclaimed != nil {
			m.OnUnclaimed(port, size, false, ones)
		}
		return ones
	}
	if !whole && size > 1 {
		h := size / 2
		lo := m.In(port, h)
		return lo | m.In(port+uint16(h), h)<<(8*h)
	}
	return dev.In(port, size) & (1<<(8*size) - 1)
}

// Out writes the low size (1, 2 or 4) bytes of v.
func (m *Map) Out(port uint16, size int, v uint32) {
	dev, whole := m.takes(port, size)
	if dev == nil && m.nobody(port, size) {
		if m.OnUnclaimed != nil {
			m.OnUnclaimed(port, size, true, v&(1<<(8*size)-1))
		}
		return
	}
	if !whole && size > 1 {
		h := size / 2
		m.Out(port, h, v&(1<<(8*h)-1))
		m.Out(port+uint16(h), h, v>>(8*h))
		return
	}
	dev.Out(port, size, v&(1<<(8*size)-1))
}

// All calls yield for each claim, also where a newer one hides it, by first port; of those that begin alike the oldest first.
func (m *Map) All(yield func(first, last uint16, dev devices.PortDevice)) {
	all := slices.Clone(m.claims[1:])
	slices.SortStableFunc(all, func(a, b claim) int { return int(a.first) - int(b.first) })
	for _, c := range all {
		yield(c.first, c.first+uint16(c.count-1), c.dev)
	}
}

// Claims calls yield for each range of ports that one device answers, in order.
func (m *Map) Claims(yield func(first, last uint16, dev devices.PortDevice)) {
	for p := 0; p < len(m.owner); {
		o, first := m.owner[p], p
		for p < len(m.owner) && m.owner[p] == o {
			p++
		}
		if o != 0 {
			yield(uint16(first), uint16(p-1), m.claims[o].dev)
		}
	}
}
