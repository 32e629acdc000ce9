package mmu

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"goemu/tests/seed"
)

// This file has SDM vol. 3A chapter 4 a second time, as plain as it can be: a list of steps for each kind of paging, no tables,
// no shortcuts. It shares nothing with the walker but the names of bits.

// manual is a walk as the manual describes it, on a copy of the guest's memory.
type manual struct {
	ram    []byte
	p      Paging
	linear uint64
	a      Access

	entry   int
	used    []uint64 // addresses of entries
	w, u, x bool     // rights so far
}

type manualResult struct {
	ok   bool
	code uint32
	phys uint64
	size uint64
	key  uint8
}

func (m *manual) read(addr uint64) uint64 {
	if addr+uint64(m.entry) > uint64(len(m.ram)) { // nothing is there
		return ^uint64(0) >> (64 - 8*m.entry)
	}
	if m.entry == 4 {
		return uint64(binary.LittleEndian.Uint32(m.ram[addr:]))
	}
	return binary.LittleEndian.Uint64(m.ram[addr:])
}

func (m *manual) or(addr, bits uint64) {
	if addr+uint64(m.entry) <= uint64(len(m.ram)) {
		m.ram[addr] |= byte(bits)
	}
}

// fault makes the error code of figure 4-12.
func (m *manual) fault(present, reserved, key bool) manualResult {
	var c uint32
	set := func(on bool, bit int) {
		if on {
			c |= 1 << bit
		}
	}
	set(present, 0)
	set(m.a.Write, 1)
	set(m.a.User, 2)
	set(reserved, 3)
	nxe := m.p.EFER>>11&1 != 0 && m.p.CR4>>5&1 != 0
	set(m.a.Exec && (nxe || m.p.CR4>>20&1 != 0), 4)
	set(key, 5)
	return manualResult{code: c}
}

func (m *manual) walk() manualResult {
	la57, lma := m.p.CR4>>12&1 != 0, m.p.EFER>>10&1 != 0
	pae, pse := m.p.CR4>>5&1 != 0, m.p.CR4>>4&1 != 0
	nxe := m.p.EFER>>11&1 != 0
	high := ^uint64(0) << m.p.PhysBits & (1<<52 - 1) // bits M to 51
	m.w, m.u, m.x = true, true, true
	m.entry = 8
	field := func(shift, bits uint) uint64 { return m.linear >> shift & (1<<bits - 1) }

	// step reads an entry; bad are the bits reserved in it.
	step := func(table, index uint64, bad func(e uint64) uint64) (e uint64, r *manualResult) {
		addr := table + index*uint64(m.entry)
		e = m.read(addr)
		if e&1 == 0 {
			f := m.fault(false, false, false)
			return 0, &f
		}
		if e&bad(e) != 0 {
			f := m.fault(true, true, false)
			return 0, &f
		}
		m.used = append(m.used, addr)
		m.w = m.w && e>>1&1 != 0
		m.u = m.u && e>>2&1 != 0
		if m.entry == 8 {
			m.x = m.x && e>>63 == 0
		}
		return e, nil
	}

	if !lma && !pae { // 4.3
		m.entry = 4
		pde, r := step(m.p.CR3&0xffff_f000, field(22, 10), func(e uint64) uint64 {
			if !pse || e>>7&1 == 0 {
				return 0
			}
			bad := uint64(1 << 21)
			for b := 13; b <= 20; b++ { // bits 20..13 are address bits 39..32
				if b+19 >= m.p.PhysBits {
					bad |= 1 << b
				}
			}
			return bad
		})
		if r != nil {
			return *r
		}
		if pse && pde>>7&1 != 0 {
			return m.access(pde>>22<<22&0xffff_ffff|pde>>13&0xff<<32, 1<<22, 0)
		}
		pte, r := step(pde&0xffff_f000, field(12, 10), func(uint64) uint64 { return 0 })
		if r != nil {
			return *r
		}
		return m.access(pte&0xffff_f000, 1<<12, 0)
	}

	always := high
	if !nxe {
		always |= 1 << 63
	}
	const address = 0x000f_ffff_ffff_f000
	var pdpte, pd uint64
	if lma { // 4.5
		table := m.p.CR3 & address
		top := func(uint64) uint64 { return always | 1<<7 }
		if la57 {
			e, r := step(table, field(48, 9), top)
			if r != nil {
				return *r
			}
			table = e & address
		}
		e, r := step(table, field(39, 9), top)
		if r != nil {
			return *r
		}
		pdpte, r = step(e&address, field(30, 9), func(e uint64) uint64 {
			if e>>7&1 == 0 {
				return always
			}
			if m.p.NoGiB {
				return 1 << 7
			}
			return always | 0x3fffe000
		})
		if r != nil {
			return *r
		}
		if pdpte>>7&1 != 0 {
			return m.access(pdpte&address&^(1<<30-1), 1<<30, pdpte)
		}
		pd = pdpte & address
	} else { // 4.4
		always |= 0x7ff0_0000_0000_0000
		pdpte = m.p.PDPTE[field(30, 2)]
		if pdpte&1 == 0 {
			return m.fault(false, false, false)
		}
		pd = pdpte & address
	}
	pde, r := step(pd, field(21, 9), func(e uint64) uint64 {
		if e>>7&1 != 0 {
			return always | 0x1fe000
		}
		return always
	})
	if r != nil {
		return *r
	}
	if pde>>7&1 != 0 {
		return m.access(pde&address&^(1<<21-1), 1<<21, pde)
	}
	pte, r := step(pde&address, field(12, 9), func(uint64) uint64 { return always })
	if r != nil {
		return *r
	}
	return m.access(pte&address, 1<<12, pte)
}

// access applies 4.6 to the page at frame, which entry e maps, and sets accessed and dirty bits (4.8).
func (m *manual) access(frame, size, e uint64) manualResult {
	wp, smep, smap := m.p.CR0>>16&1 != 0, m.p.CR4>>20&1 != 0, m.p.CR4>>21&1 != 0
	keys := m.p.CR4>>22&1 != 0 && m.p.EFER>>10&1 != 0
	var key uint8
	if keys {
		key = uint8(e >> 59 & 15)
	}
	keyFault := false
	if keys && m.u && !m.a.Exec {
		ad, wd := m.p.PKRU>>(2*key)&1 != 0, m.p.PKRU>>(2*key+1)&1 != 0
		keyFault = ad || wd && m.a.Write && (m.a.User || wp)
	}
	var ok bool
	if m.a.User {
		switch {
		case m.a.Exec:
			ok = m.u && m.x
		case m.a.Write:
			ok = m.u && m.w
		default:
			ok = m.u
		}
	} else {
		switch {
		case m.a.Exec:
			ok = m.x && !(m.u && smep)
		case m.u && smap && m.a.NoUserPages:
			ok = false
		case m.a.Write:
			ok = m.w || !wp
		default:
			ok = true
		}
	}
	if !ok || keyFault {
		return m.fault(true, false, keyFault)
	}
	for _, a := range m.used {
		m.or(a, 1<<5)
	}
	if m.a.Write {
		m.or(m.used[len(m.used)-1], 1<<6)
	}
	return manualResult{ok: true, phys: frame | m.linear&(size-1), size: size, key: key}
}

// randomEntry is an entry that leads somewhere: mostly to a page of RAM, with few bits that are wrong.
func randomEntry(r *rand.Rand) uint64 {
	e := r.Uint64N(16)<<12 | r.Uint64()&0x1e | PTEPresent | PTEWrite | PTEUser
	e |= r.Uint64() & r.Uint64() & (PTEAccessed | PTEDirty | PTEGlobal | PTENX | 0xf<<pteKeyShift)
	switch r.Uint64N(16) {
	case 0, 1:
		e |= PTELarge
		if r.Uint64N(4) != 0 {
			e &^= 0x3fff_e000
		}
	case 2:
		e |= 1 << r.Uint64N(64)
	case 3, 4:
		e &^= 1 << r.Uint64N(3)
	case 5:
		e = r.Uint64()
	}
	return e
}

// compareWalks builds tables from a seed, with raw at their start, and compares the walker with the manual for linear and then for
// other addresses and kinds of access. It counts the outcomes by error code; those without fault as 1<<31.
func compareWalks(t *testing.T, n int, s, linear uint64, ctl uint32, raw []byte, outcomes map[uint32]int) {
	r := rand.New(rand.NewPCG(s, uint64(ctl)))
	g := newGuest()
	for i := 0; i < len(g.ram); i += 8 {
		e := randomEntry(r)
		if ctl&1 != 0 { // two entries of 32 bits
			e = e&0xffff_ffff | randomEntry(r)<<32
		}
		binary.LittleEndian.PutUint64(g.ram[i:], e)
	}
	copy(g.ram[0x1000:], raw)
	bit := func(n int, v uint64) uint64 { return uint64(ctl>>n&1) * v }
	p := Paging{
		CR0: CR0PG | bit(1, CR0WP), CR3: 0x1000 | r.Uint64N(16)<<12,
		CR4:  bit(2, CR4PSE) | bit(3, CR4PGE) | bit(4, CR4SMEP) | bit(5, CR4SMAP) | bit(6, CR4PKE),
		EFER: bit(7, EFERNXE), PKRU: r.Uint32() & r.Uint32(), PhysBits: 36 + int(ctl>>16%17), NoGiB: ctl>>8&7 == 0,
	}
	switch {
	case ctl&1 != 0:
		linear &= 0xffff_ffff
	case ctl>>11&3 == 0:
		p.CR4 |= CR4PAE
		linear &= 0xffff_ffff
		for i := range p.PDPTE {
			p.PDPTE[i] = r.Uint64N(16)<<12 | bit(13+i%2, PTEPresent) | uint64(i&1)
		}
	case ctl>>11&3 == 1:
		p.CR4 |= CR4PAE | CR4LA57
		p.EFER |= EFERLMA
	default:
		p.CR4 |= CR4PAE
		p.EFER |= EFERLMA
	}
	ram := bytes.Clone(g.ram)
	for range n {
		code := compareWalk(t, g, ram, p, linear, ctl)
		outcomes[code]++
		linear, ctl = r.Uint64(), r.Uint32()
		if p.EFER&EFERLMA == 0 {
			linear &= 0xffff_ffff
		}
	}
}

// compareWalk compares one walk; ram is the manual's copy of the memory. ctl has the kind of access in its upper bits.
func compareWalk(t *testing.T, g *guest, ram []byte, p Paging, linear uint64, ctl uint32) (outcome uint32) {
	t.Helper()
	a := Access{Write: ctl>>24&3 == 1, Exec: ctl>>24&3 == 2, User: ctl>>26&1 != 0}
	a.NoUserPages = ctl>>27&1 != 0 && !a.User && !a.Exec
	m := manual{ram: ram, p: p, linear: linear, a: a}
	want := m.walk()
	tr, code, ok := p.Walk(g.Space, linear, a)
	if ok != want.ok || !ok && code != want.code || ok && (tr.Phys != want.phys || 1<<tr.Shift != want.size || tr.Key != want.key) {
		t.Fatalf("linear %#x %+v %+v: %v code %#x %+v, the manual says %+v", linear, p, a, ok, code, tr, want)
	}
	if !bytes.Equal(g.ram, m.ram) {
		t.Fatalf("linear %#x %+v %+v: accessed and dirty bits differ", linear, p, a)
	}
	p.Probe(g.Space, linear)
	if !bytes.Equal(g.ram, m.ram) {
		t.Fatal("Probe changed the tables")
	}
	if ok {
		return 1 << 31
	}
	return code
}

// Random tables: the walker and the manual agree on every translation, fault, accessed and dirty bit.
func TestWalkAgainstManual(t *testing.T) {
	r := rand.New(rand.NewPCG(seed.Of(t), 0))
	outcomes := map[uint32]int{}
	for range 300 {
		compareWalks(t, 70, r.Uint64(), r.Uint64(), r.Uint32(), nil, outcomes)
	}
	// Every error code that there is has come about.
	for _, c := range []uint32{1 << 31, 0, FaultPresent, FaultPresent | FaultReserved, FaultPresent | FaultKey, FaultPresent | FaultFetch, FaultPresent | FaultWrite} {
		for _, user := range []uint32{0, FaultUser} {
			if c != 1<<31 && outcomes[c|user] == 0 {
				t.Errorf("no fault with code %#x", c|user)
			}
		}
	}
	t.Logf("outcomes by error code: %v", outcomes)
}

func FuzzWalk(f *testing.F) {
	f.Add(uint64(1), uint64(0x1234), uint32(0), []byte{})
	f.Add(uint64(2), ^uint64(0), uint32(0x0500_0801), []byte{0x67, 0x10, 0, 0, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, s, linear uint64, ctl uint32, raw []byte) {
		compareWalks(t, 4, s, linear, ctl, raw[:min(len(raw), 4096)], map[uint32]int{})
	})
}
