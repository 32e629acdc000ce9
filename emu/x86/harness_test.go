package x86

import (
	"testing"
	"unsafe"

	"goemu/decoder"
	"goemu/mmu"
	"goemu/tcg"
)

// testBus is a bus without devices that records port writes.
type testBus struct {
	tsc  uint64
	apic uint64
	tpr  uint8
	out  []uint32
	in   uint32
	ferr bool
}

func (b *testBus) In(port uint16, size int) uint32     { b.in++; return b.in }
func (b *testBus) Out(port uint16, size int, v uint32) { b.out = append(b.out, v) }
func (b *testBus) TSC() uint64                         { return b.tsc }
func (b *testBus) APICBase() uint64                    { return b.apic }
func (b *testBus) SetAPICBase(v uint64) bool           { b.apic = v; return true }
func (b *testBus) TPR() uint8                          { return b.tpr }
func (b *testBus) SetTPR(v uint8)                      { b.tpr = v }
func (b *testBus) SetFERR(l bool)                      { b.ferr = l }
func (b *testBus) IGNNE() bool                         { return false }

// pages returns n bytes of page-aligned memory.
func pages(n int) []byte {
	b := make([]byte, n+mmu.PageSize)
	off := -uintptr(unsafe.Pointer(&b[0])) & mmu.PageMask
	return b[off : off+uintptr(n) : off+uintptr(n)]
}

const ramSize = 4 << 20

// machine is a CPU with 4 MiB of RAM.
type machine struct {
	*CPU
	t   *testing.T
	ram []byte
	bus *testBus
}

func newMachine(t *testing.T, opts ...func(*Options)) *machine {
	m := &machine{t: t, ram: pages(ramSize), bus: &testBus{apic: 0xfee00900}}
	s := mmu.NewSpace(40)
	s.MapRAM(0, m.ram, false)
	var o Options
	for _, f := range opts {
		f(&o)
	}
	m.CPU = New(new(tcg.Env), s, m.bus, o)
	return m
}

func (m *machine) put(addr uint64, size int, v uint64) {
	for k := range size {
		m.ram[addr+uint64(k)] = byte(v >> (8 * k))
	}
}

func (m *machine) get(addr uint64, size int) (v uint64) {
	for k := range size {
		v |= uint64(m.ram[addr+uint64(k)]) << (8 * k)
	}
	return v
}

// Addresses of the tables that the harness builds.
const (
	gdtAt    = 0x1000
	idtAt    = 0x2000
	tssAt    = 0x3000
	tablesAt = 0x10000
	stack0   = 0x8000 // top of the ring-0 stack in the TSS
	istStack = 0x9000
	codeAt   = 0x20000
	dataAt   = 0x30000
	stackAt  = 0x40000 // top of the current stack
)

// Selectors in the harness's GDT.
const (
	selCode32  = 0x08
	selData    = 0x10
	selCode64  = 0x18
	selUCode32 = 0x20 | 3
	selUData   = 0x28 | 3
	selUCode64 = 0x30 | 3
	selTSS     = 0x40
	selTSS2    = 0x50 // another TSS, available
	selConf    = 0x58 // conforming code, DPL 0
	selAbsent  = 0x60 // data, not present
	selLDT     = 0x68
	selGate    = 0x70 // call gate, set by tests, 16 bytes
	selCode16  = 0x80
	selRO      = 0x88 // read-only data
	selExec    = 0x90 // execute-only code
	gdtLimit   = 0x9f
)

func desc(base, limit uint32, attr uint64) uint64 {
	return uint64(limit&0xffff) | uint64(base&0xffffff)<<16 | attr&0xff<<40 | uint64(limit>>16&15)<<48 | attr>>12&15<<52 | uint64(base>>24)<<56
}

const (
	code32 = AttrG | AttrDB | AttrP | AttrS | AttrCode | AttrRW
	code64 = AttrG | AttrL | AttrP | AttrS | AttrCode | AttrRW
	data32 = AttrG | AttrDB | AttrP | AttrS | AttrRW
	dpl3   = AttrDPL
)

func (m *machine) setDesc(sel uint16, v uint64) { m.put(gdtAt+uint64(sel&^7), 8, v) }

// tables builds GDT and TSS.
func (m *machine) tables(long bool) {
	for sel, d := range map[uint16]uint64{
		selCode32: desc(0, 0xfffff, code32), selData: desc(0, 0xfffff, data32), selCode64: desc(0, 0xfffff, code64),
		selUCode32: desc(0, 0xfffff, code32|dpl3), selUData: desc(0, 0xfffff, data32|dpl3), selUCode64: desc(0, 0xfffff, code64|dpl3),
		selTSS: desc(tssAt, 0x67, AttrP|typeTSS32), selTSS2: desc(tssAt+0x100, 0x67, AttrP|typeTSS32),
		selConf: desc(0, 0xfffff, code32|AttrDC), selAbsent: desc(0, 0xfffff, data32&^AttrP), selLDT: desc(0x5000, 0xff, AttrP|typeLDT),
		selCode16: desc(0, 0xffff, AttrP|AttrS|AttrCode|AttrRW), selRO: desc(0, 0xfffff, data32&^AttrRW),
		selExec: desc(0, 0xfffff, code32&^AttrRW),
	} {
		m.setDesc(sel, d)
	}
	if long {
		m.put(tssAt+4, 8, stack0)
		m.put(tssAt+36, 8, istStack)
	} else {
		m.put(tssAt+4, 4, stack0)
		m.put(tssAt+8, 4, selData)
	}
	m.put(tssAt+tss32IOMap, 2, 0x68)
}

// segments that the harness enters with.
func flat(sel uint16, attr uint32) Segment {
	return Segment{Selector: sel, Limit: 0xffff_ffff, Attr: attr | AttrAccessed}
}

// protected32 puts the machine in protected mode at ring cpl, without paging.
func (m *machine) protected32(cpl int) *machine {
	m.tables(false)
	cs, ds := flat(selCode32, code32), flat(selData, data32)
	if cpl == 3 {
		cs, ds = flat(selUCode32, code32|dpl3), flat(selUData, data32|dpl3)
	}
	m.Enter(&EntryState{
		RIP: codeAt, RFLAGS: flagFixed, Segs: [6]Segment{ds, cs, ds, ds, ds, ds},
		TR:  Segment{Selector: selTSS, Base: tssAt, Limit: 0x67, Attr: AttrP | typeTSS32Busy},
		GDT: Table{gdtAt, gdtLimit}, IDT: Table{idtAt, 0x7ff}, CR0: cr0PE | cr0ET,
	})
	m.env.GPR[regSP] = stackAt
	m.cpl = cpl
	m.update()
	return m
}

// long64 puts the machine in 64-bit mode at ring cpl, the first 4 MiB mapped to themselves
// in 4 KiB user pages.
func (m *machine) long(cpl int) *machine {
	m.tables(true)
	m.put(tablesAt, 8, tablesAt+0x1000|7)
	m.put(tablesAt+0x1000, 8, tablesAt+0x2000|7)
	for k := range uint64(2) {
		m.put(tablesAt+0x2000+8*k, 8, tablesAt+0x3000+0x1000*k|7)
		for i := range uint64(512) {
			m.put(tablesAt+0x3000+0x1000*k+8*i, 8, k<<21|i<<12|7)
		}
	}
	cs, ds := flat(selCode64, code64), flat(selData, data32)
	if cpl == 3 {
		cs, ds = flat(selUCode64, code64|dpl3), flat(selUData, data32|dpl3)
	}
	m.Enter(&EntryState{
		RIP: codeAt, RFLAGS: flagFixed, Segs: [6]Segment{ds, cs, ds, ds, ds, ds},
		TR:  Segment{Selector: selTSS, Base: tssAt, Limit: 0x67, Attr: AttrP | typeTSS32Busy},
		GDT: Table{gdtAt, gdtLimit}, IDT: Table{idtAt, 0xfff},
		CR0: cr0PE | cr0ET | cr0PG, CR3: tablesAt, CR4: cr4PAE, EFER: eferLME | eferLMA,
	})
	m.env.GPR[regSP] = stackAt
	m.cpl = cpl
	m.update()
	return m
}

// pte is the address of the page-table entry of an address below 4 MiB in long's tables.
func pte(linear uint64) uint64 { return tablesAt + 0x3000 + linear>>12*8 }

// real16 puts the machine in real mode with all segments at 0 and SP set.
func (m *machine) real16() *machine {
	for k := range m.seg {
		m.loadRealSegment(k, 0)
	}
	m.idtr = Table{0, 0x3ff}
	m.env.RIP = 0x7c00
	m.env.GPR[regSP] = 0x7000
	return m
}

// gate makes an IDT entry for the current mode.
func (m *machine) gate(vector int, sel uint16, off uint64, typ, dpl, ist uint64) {
	lo := off&0xffff | uint64(sel)<<16 | ist<<32 | (AttrP|typ|dpl<<5)<<40 | off>>16&0xffff<<48
	if m.longMode() {
		m.put(idtAt+uint64(vector)*16, 8, lo)
		m.put(idtAt+uint64(vector)*16+8, 8, off>>32)
	} else {
		m.put(idtAt+uint64(vector)*8, 8, lo)
	}
}

// exec decodes code in the current mode at RIP and runs it by Sys.
func (m *machine) exec(code ...byte) bool {
	m.t.Helper()
	mode := decoder.Mode16
	switch m.mode & tcg.ModeCode {
	case tcg.ModeCode64:
		mode = decoder.Mode64
	case tcg.ModeCode32:
		mode = decoder.Mode32
	}
	var i tcg.SysInst
	if err := decoder.Decode(code, mode, &i.Inst); err != nil {
		m.t.Fatalf("% x: %v", code, err)
	}
	i.RIP = m.env.RIP
	return m.Sys(&i)
}

// fault takes the pending exception; vector is -1 if there is none.
func (m *machine) fault() (vector int, code uint32) {
	if !m.pend.set {
		return -1, 0
	}
	m.pend.set = false
	return m.pend.vector, m.pend.code
}

// wantFault checks that the last instruction raised an exception.
func (m *machine) wantFault(what string, vector int, code uint32) {
	m.t.Helper()
	if v, c := m.fault(); v != vector || c != code {
		m.t.Errorf("%s: exception %d code %#x, want %d code %#x", what, v, c, vector, code)
	}
}
