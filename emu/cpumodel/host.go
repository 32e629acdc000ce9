package cpumodel

import (
	"encoding/binary"
	"strings"
)

// takeHost makes m the host's processor as far as goemu does its features.
func (m *Model) takeHost(read Reader) {
	_, b, c, d := read(0, 0)
	m.Vendor = unwords(b, d, c)
	a, _, _, _ := read(1, 0)
	m.Stepping = uint8(a & 15)
	m.Family, m.Model = uint8(a>>8&15), uint8(a>>4&15)
	if m.Family == 15 || m.Family == 6 {
		m.Model |= uint8(a >> 16 & 15 << 4)
	}
	if m.Family == 15 {
		m.Family += uint8(a >> 20)
	}
	var brand strings.Builder
	for l := uint32(extLeaf + 2); l <= extLeaf+4; l++ {
		a, b, c, d := read(l, 0)
		for _, w := range [...]uint32{a, b, c, d} {
			brand.Write(binary.LittleEndian.AppendUint32(nil, w))
		}
	}
	m.Brand = strings.TrimRight(brand.String(), "\x00 ")
	m.Features = m.Features.and(hostFeatures(read))
	m.Features.Put(Hypervisor, true)
	m.Features = m.Features.closed()
	m.settle()
}

// hostFeatures reads all words.
func hostFeatures(read Reader) (s Set) {
	top, _, _, _ := read(0, 0)
	ext, _, _, _ := read(extLeaf, 0)
	for w, leaf := range wordLeaf {
		if leaf < extLeaf && leaf > top || leaf >= extLeaf && leaf > ext {
			continue
		}
		sub := uint32(0)
		switch Word(w) {
		case Leaf7x1EAX, LeafDx1EAX:
			sub = 1
		}
		a, b, c, d := read(leaf, sub)
		switch Word(w) {
		case Leaf6EAX, Leaf7x1EAX, LeafDx1EAX:
			s[w] = a
		case Leaf7EBX, Ext8EBX:
			s[w] = b
		case Leaf1ECX, Leaf7ECX, Ext1ECX:
			s[w] = c
		default:
			s[w] = d
		}
	}
	return s
}

// unwords is the inverse of words.
func unwords(x, y, z uint32) string {
	le := binary.LittleEndian
	return string(le.AppendUint32(le.AppendUint32(le.AppendUint32(nil, x), y), z))
}
