package difftest

import (
	"bytes"
	"encoding/binary"
	"reflect"
	"testing"

	"goemu/decoder"
	"goemu/emu/x86"
	"goemu/mmu"
	"goemu/tcg"
	"goemu/tcg/interp"
)

// Physical memory of a processor's test.
const (
	tablesAt  = 0x1000 // PML4, PDPT, PD, page tables of code and of data
	gdtAt     = 0x8000
	kernelRIP = 0x9000
	kernelRSP = 0xa000
	codeAt    = 0x10000
	dataAt    = 0x20000
	ramSize   = 0x40000
)

// processor is the real CPU of package x86 in user mode under paging, with
// the interpreter: instructions that are no micro-ops run too. Control registers are those of Linux.
type processor struct {
	*x86.CPU
	m   *machine
	ram []byte
}

// newProcessor makes a machine whose engine is the CPU.
func newProcessor(t *testing.T) *machine {
	t.Helper()
	ram, err := mmu.AllocRAM(ramSize)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { mmu.FreeRAM(ram) })
	space := mmu.NewSpace(40)
	space.MapRAM(0, ram, false)
	env := new(tcg.Env)
	p := &processor{ram: ram}
	p.CPU = x86.New(env, space, p, x86.Options{})
	p.m = newMachine(t, env, p)
	p.m.data = ram[dataAt:][:dataSize]
	t.Cleanup(func() {
		if len(p.Unimplemented) > 0 {
			t.Logf("not implemented: %v", p.Unimplemented)
		}
	})
	return p.m
}

func (p *processor) put(at int, v uint64) { binary.LittleEndian.PutUint64(p.ram[at:], v) }

// start enters user mode with IRET and loads the state again, as that changes some of it.
func (p *processor) start(m *machine) {
	clear(p.ram[:codeAt])
	copy(p.ram[codeAt:], m.code)
	// One page table for the kernel, one for code, one for data; all below 1 GiB.
	const user, pd = 7, tablesAt + 0x2000
	p.put(tablesAt, tablesAt+0x1000|user)
	p.put(tablesAt+0x1000, pd|user)
	for n, r := range []struct{ linear, phys, size int }{{0, 0, codeAt}, {codeBase, codeAt, codeSize}, {dataBase, dataAt, dataSize}} {
		table := pd + 0x1000*(n+1)
		p.put(pd+r.linear>>21*8, uint64(table|user))
		for i := 0; i < r.size; i += mmu.PageSize {
			pte := uint64(r.phys+i) | user
			if n == 0 {
				pte &^= mmu.PTEUser
			}
			p.put(table+i/mmu.PageSize*8, pte)
		}
	}
	binary.LittleEndian.PutUint16(p.ram[0x66:], 0xffff) // no I/O permission map in the TSS at 0
	p.put(gdtAt+0x10, 0x00af9b000000ffff)
	p.put(gdtAt+0x20, 0x00cffb000000ffff) // selectors of Linux
	p.put(gdtAt+0x28, 0x00cff3000000ffff)
	p.put(gdtAt+0x30, 0x00affb000000ffff)

	s := m.state
	cs := uint64(0x33)
	if s.Mode == decoder.Mode32 {
		cs = 0x23
	}
	for i, v := range []uint64{s.RIP, cs, uint64(s.Flags), s.GPR[4], 0x2b} {
		p.put(kernelRSP+8*i, v)
	}
	p.Reset()
	e := x86.EntryState{
		RIP: kernelRIP, RFLAGS: 2, GDT: x86.Table{Base: gdtAt, Limit: 0x37},
		CR0: 0x80050033, CR3: tablesAt, CR4: 0x620, EFER: 0xd01,
	}
	e.GPR[4] = kernelRSP
	for i := range e.Segs {
		e.Segs[i] = x86.Segment{Selector: 0x2b, Limit: 0xffffffff, Attr: 0xc0f3}
	}
	e.Segs[1] = x86.Segment{Selector: 0x10, Limit: 0xffffffff, Attr: 0xa09b}
	e.Segs[4].Base, e.Segs[5].Base = s.FSBase, s.GSBase
	e.TR = x86.Segment{Limit: 0x67, Attr: 0x8b}
	p.Enter(&e)
	b := &tcg.Block{Key: tcg.Key{RIP: kernelRIP, Mode: p.Mode()}}
	if err := m.trans.Translate(b, []byte{0x48, 0xcf}, 1); err != nil || interp.Run(m.env, p, b) != tcg.ResultNext || p.CPL() != 3 {
		panic("IRET to user mode failed")
	}
	segs := m.env.SegBase
	m.load(s)
	m.env.SegBase = segs
	p.UpdateFP()
}

func (p *processor) run(m *machine) bool {
	m.mode = p.Mode()
	b := m.translate(64)
	if b == nil {
		return false
	}
	if interp.Run(m.env, p, b) == tcg.ResultNext || m.vector == ended && !p.Pending() && m.env.RIP-m.start < codeSize && m.code[m.env.RIP-m.start] != 0xcc {
		return true
	}
	if p.Pending() {
		// The CPU tells its exceptions when it delivers them, which would change the state.
		m.vector = int(reflect.ValueOf(p.CPU).Elem().FieldByName("pend").FieldByName("vector").Int())
	}
	if m.vector == tcg.VectorXM {
		m.vector = tcg.VectorMF // SIGFPE is all that the child shows
	}
	return false
}

func (p *processor) sync(m *machine) {
	if !bytes.Equal(p.ram[codeAt:][:codeSize], m.code) {
		m.vector = unknown // it changed its own code
	}
}

// Sys runs the CPU's instruction, but for the INT3 at the end.
func (p *processor) Sys(i *tcg.SysInst) bool {
	if i.Op == decoder.INT3 {
		return p.m.Sys(i)
	}
	return p.CPU.Sys(i)
}

// The bus, which user mode cannot reach.
func (*processor) In(uint16, int) uint32   { return 0 }
func (*processor) Out(uint16, int, uint32) {}
func (*processor) TSC() uint64             { return 0 }
func (*processor) APICBase() uint64        { return 0xfee00900 }
func (*processor) SetAPICBase(uint64) bool { return true }
func (*processor) TPR() uint8              { return 0 }
func (*processor) SetTPR(uint8)            {}
func (*processor) SetFERR(bool)            {}
func (*processor) IGNNE() bool             { return false }

// byCPU lists the instructions of package x86 that a user can compare: not those that need
// descriptor tables, time or entropy, or store pointers of the FPU.
var byCPU = map[decoder.Op]bool{
	decoder.AAA: true, decoder.AAD: true, decoder.AAM: true, decoder.AAS: true, decoder.DAA: true, decoder.DAS: true,
	decoder.SALC: true, decoder.ARPL: true, decoder.ENTER: true, decoder.PUSHA: true, decoder.POPA: true,
	decoder.PUSHF: true, decoder.POPF: true, decoder.CMPXCHG8B: true, decoder.CMPXCHG16B: true,
	decoder.MOVS: true, decoder.STOS: true, decoder.LODS: true, decoder.CMPS: true, decoder.SCAS: true,
	decoder.INS: true, decoder.OUTS: true, decoder.IN: true, decoder.OUT: true, decoder.HLT: true, decoder.CLI: true, decoder.STI: true,
	decoder.LDMXCSR: true, decoder.STMXCSR: true, decoder.FLDCW: true, decoder.FWAIT: true,
	decoder.FNENI: true, decoder.FNDISI: true, decoder.FNSETPM: true, decoder.MASKMOVQ: true, decoder.MASKMOVDQU: true,
	decoder.CRC32: true, decoder.CLTS: true, decoder.INVLPG: true, decoder.WRMSR: true, decoder.RDMSR: true,
	decoder.LGDT: true, decoder.LIDT: true, decoder.LLDT: true, decoder.LTR: true, decoder.LMSW: true,
	decoder.WBINVD: true, decoder.SWAPGS: true, decoder.INVD: true,
}

// system weighs rows: mostly those of package x86, some others between.
func system(r *decoder.Row) int {
	switch {
	case byCPU[r.Op]:
		return 6
	case integer(r)+vector128(r)+x87(r) > 0 && !bySysOnly(r.Op):
		return 1
	}
	return 0
}

// bySysOnly are instructions of package x86 that are not compared.
func bySysOnly(op decoder.Op) bool {
	switch op {
	case decoder.BOUND, decoder.CALLF, decoder.JMPF, decoder.RETF, decoder.IRET, decoder.INT, decoder.INT1, decoder.INT3, decoder.INTO,
		decoder.LDS, decoder.LES, decoder.LFS, decoder.LGS, decoder.LSS, decoder.UD0, decoder.UD1,
		decoder.FNSAVE, decoder.FRSTOR, decoder.FNSTENV, decoder.FLDENV, decoder.EXTRQ, decoder.INSERTQ, decoder.MOVNTSD, decoder.MOVNTSS,
		decoder.GF2P8AFFINEINVQB, decoder.GF2P8AFFINEQB, decoder.GF2P8MULB:
		return true
	}
	return op >= decoder.ADCX && op < decoder.F2XM1 && !isInline(op)
}

// isInline tells whether an extension is made of micro-ops.
func isInline(op decoder.Op) bool {
	switch op {
	case decoder.ADCX, decoder.ADOX, decoder.ANDN, decoder.BEXTR, decoder.BLSI, decoder.BLSMSK, decoder.BLSR, decoder.BZHI, decoder.MULX,
		decoder.PDEP, decoder.PEXT, decoder.RORX, decoder.SARX, decoder.SHLX, decoder.SHRX:
		return true
	case decoder.CLFLUSH, decoder.CLFLUSHOPT, decoder.CLWB, decoder.ENDBR32, decoder.ENDBR64, decoder.LFENCE, decoder.MFENCE, decoder.SFENCE,
		decoder.LZCNT, decoder.TZCNT, decoder.POPCNT, decoder.PREFETCH, decoder.PREFETCHNTA, decoder.PREFETCHT0, decoder.PREFETCHT1,
		decoder.PREFETCHT2, decoder.PREFETCHW:
		return true
	}
	return false
}

// TestProcessor compares the CPU with the interpreter.
func TestProcessor(t *testing.T) {
	for _, j := range []job{
		{"64", decoder.Mode64, system, 3000},
		{"32", decoder.Mode32, system, 3000},
	} {
		t.Run(j.name, func(t *testing.T) { j.run(t, newProcessor(t)) })
	}
}
