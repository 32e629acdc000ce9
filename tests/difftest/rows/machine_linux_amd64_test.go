package rows

import (
	"bytes"
	"encoding/binary"
	"testing"

	"goemu/decoder"
	"goemu/emu/accel"
	"goemu/emu/x86"
	"goemu/mmu"
	"goemu/tcg"
)

// Physical memory of goemu's machine; the kernel sees it from kernelBase on, user mode the pages of code and data only.
const (
	tablesAt  = 0x1000
	gdtAt     = 0x9000
	ldtAt     = 0x9100
	tssAt     = 0x9200
	idtAt     = 0xa000
	kernelAt  = 0xb000 // code
	gatesAt   = 0xb800
	slotAt    = 0xc000 // what the kernel's entry loads
	frameAt   = 0xc100 // of IRET
	stackTop  = 0xe000
	ramCodeAt = 0x10000
	ramDataAt = 0x20000
	ramSize   = 0x200000

	kernelBase = 0xffffffff80000000

	tssSelector = 0x40
	ldtSelector = 0x50
)

// Entries of the kernel.
const (
	enterAll  = kernelAt         // loads segment registers and bases, and does IRET
	enterIRET = kernelAt + 0x100 // IRET alone
	setup     = kernelAt + 0x120 // LLDT and XSETBV
	stopPort  = 0x80
)

// machine is goemu with one engine: vCPU, memory, and no devices.
type machine struct {
	*x86.CPU
	name   string
	env    *tcg.Env
	ram    []byte
	engine *accel.Engine
	mode   decoder.Mode
	segs   [6]uint64 // DS ES FS GS, and the bases of FS and GS

	last          x86.Record
	unimplemented bool
	stopped       bool
}

// newMachine boots the kernel.
func newMachine(t *testing.T, name string, native bool, mode decoder.Mode) *machine {
	t.Helper()
	env, err := accel.NewEnv()
	if err != nil {
		t.Fatal(err)
	}
	ram, err := mmu.AllocRAM(ramSize)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = mmu.FreeRAM(ram) })
	m := &machine{name: name, env: env, ram: ram, mode: mode}
	space := mmu.NewSpace(40)
	space.MapRAM(0, ram, false)
	m.CPU = x86.New(env, space, m, x86.Options{
		SyncX87:         accel.SyncX87,
		OnException:     func(r x86.Record) { m.last = r },
		OnUnimplemented: func(*tcg.SysInst) { m.unimplemented = true },
	})
	if m.engine, err = accel.New(m.CPU, space, m, accel.Options{Native: native, ArenaBytes: 8 << 20}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.engine.Close() })
	m.boot()
	return m
}

func (m *machine) put(at int, v ...uint64) {
	for i, x := range v {
		binary.LittleEndian.PutUint64(m.ram[at+8*i:], x)
	}
}

// boot makes tables like those of Linux, as far as user mode sees them.
func (m *machine) boot() {
	const user, nx, big, rw = 7, 1 << 63, 0x83, 2
	const pdpt, pdLow, pdHigh, pdptHigh, ptCode, ptData = tablesAt + 0x1000, tablesAt + 0x2000, tablesAt + 0x3000, tablesAt + 0x4000, tablesAt + 0x5000, tablesAt + 0x6000
	m.put(tablesAt, pdpt|user)
	m.put(tablesAt+8*511, pdptHigh|3)
	m.put(pdptHigh+8*510, pdHigh|3)
	m.put(pdHigh, big)
	if m.mode == decoder.Mode16 {
		m.put(pdLow, big) // see frame
	}
	m.put(pdpt, pdLow|user)
	m.put(pdLow+codeBase>>21*8, ptCode|user)
	m.put(pdLow+dataBase>>21*8, ptData|user)
	for i := range codeSize / mmu.PageSize {
		m.put(ptCode+8*i, uint64(ramCodeAt+i*mmu.PageSize)|user&^rw)
	}
	for i := range dataSize / mmu.PageSize {
		pte := uint64(ramDataAt+i*mmu.PageSize) | user | nx
		if i*mmu.PageSize >= dataRW {
			pte &^= rw
		}
		m.put(ptData+8*i, pte)
	}
	m.put(gdtAt+0x10, 0x00af9b000000ffff, 0x00cf93000000ffff, 0x00cffb000000ffff, 0x00cff3000000ffff, 0x00affb000000ffff)
	systemDescriptor := func(at, base, limit int, typ uint64) {
		b := kernelBase + uint64(base)
		m.put(at, uint64(limit)|b&0xffffff<<16|typ<<40|b>>24&0xff<<56, b>>32)
	}
	systemDescriptor(gdtAt+tssSelector, tssAt, 0x67, 0x89)
	systemDescriptor(gdtAt+ldtSelector, ldtAt, 8*len(ldt)-1, 0x82)
	for i, d := range ldt {
		access := uint64(0xf3) // user, writable data, accessed
		if d.flags&6 == 4 {
			access = 0xfb
		}
		flags := uint64(1 | d.flags&1<<2) // AVL, D/B
		m.put(ldtAt+8*i, uint64(d.limit)&0xffff|uint64(d.base)&0xffffff<<16|access<<40|flags<<52|uint64(d.base)>>24<<56)
	}
	m.put(tssAt, 0)
	binary.LittleEndian.PutUint64(m.ram[tssAt+4:], kernelBase+stackTop)
	binary.LittleEndian.PutUint16(m.ram[tssAt+0x66:], 0xffff) // no I/O permission map
	for v := range 32 {
		handler := uint64(kernelBase + gatesAt)
		dpl := uint64(0)
		if v == 3 || v == 4 {
			dpl = 3
		}
		m.put(idtAt+16*v, handler&0xffff|0x10<<16|(0x8e|dpl<<5)<<40|handler>>16&0xffff<<48, handler>>32)
	}
	copy(m.ram[gatesAt:], []byte{0xe6, stopPort, 0xeb, 0xfe}) // out stopPort, al; jmp $
	var a assembler
	load := func(at int, op ...byte) { a.field(uintptr(uint32(kernelBase&0xffffffff)+uint32(at)), op...) }
	load(slotAt, 0x8e, 0x1c, 0x25)     // mov ds, [slot]
	load(slotAt+8, 0x8e, 0x04, 0x25)   // mov es
	load(slotAt+16, 0x8e, 0x24, 0x25)  // mov fs
	load(slotAt+24, 0x8e, 0x2c, 0x25)  // mov gs
	for i, msr := range []byte{0, 1} { // IA32_FS_BASE, IA32_GS_BASE
		a.emit(0xb9, msr, 1, 0, 0xc0)         // mov ecx, msr
		load(slotAt+32+8*i, 0x8b, 0x04, 0x25) // mov eax, [base]
		load(slotAt+36+8*i, 0x8b, 0x14, 0x25) // mov edx, [base+4]
		a.emit(0x0f, 0x30)                    // wrmsr
	}
	load(slotAt+48, 0x48, 0x8b, 0x04, 0x25) // mov rax, [rax]
	load(slotAt+56, 0x48, 0x8b, 0x0c, 0x25) // mov rcx, [rcx]
	load(slotAt+64, 0x48, 0x8b, 0x14, 0x25) // mov rdx, [rdx]
	copy(m.ram[enterAll:], append(a.b, 0x48, 0xcf))
	copy(m.ram[enterIRET:], []byte{0x48, 0xcf})
	copy(m.ram[setup:], []byte{0x0f, 0x00, 0xd0, 0x89, 0xd8, 0x31, 0xd2, 0x0f, 0x01, 0xd1, 0xe6, stopPort, 0xeb, 0xfe}) // lldt ax; mov eax, ebx; xor edx, edx; xsetbv; out

	e := x86.EntryState{
		RIP: kernelBase + setup, RFLAGS: 2, GDT: x86.Table{Base: kernelBase + gdtAt, Limit: 0x5f}, IDT: x86.Table{Base: kernelBase + idtAt, Limit: 32*16 - 1},
		CR0: 0x80050033, CR3: tablesAt, CR4: 0x50620, EFER: 0xd01, // as Linux: PG AM WP NE ET MP PE; OSXSAVE FSGSBASE OSXMMEXCPT OSFXSR PAE
	}
	for i := range e.Segs {
		e.Segs[i] = x86.Segment{Selector: 0x18, Limit: 0xffffffff, Attr: 0xc093}
	}
	e.Segs[1] = x86.Segment{Selector: 0x10, Limit: 0xffffffff, Attr: 0xa09b}
	e.TR = x86.Segment{Selector: tssSelector, Base: kernelBase + tssAt, Limit: 0x67, Attr: 0x8b}
	for _, xcr0 := range []uint64{7, 3} { // the widest that the model has
		e.GPR = [16]uint64{0: ldtSelector, 3: xcr0, 4: kernelBase + stackTop}
		m.Enter(&e)
		m.last = x86.Record{Vector: -1}
		m.resume()
		if m.last.Vector < 0 {
			break
		}
	}
}

// resume runs the vCPU until the kernel stops it.
func (m *machine) resume() {
	m.stopped = false
	m.engine.Run()
}

// setCode brings the code and data pages.
func (m *machine) setCode(code, data []byte) {
	copy(m.ram[ramCodeAt:], code)
	copy(m.ram[ramDataAt:], data)
	m.engine.Flush()
}

// data is the memory behind the data pages.
func (m *machine) data() []byte { return m.ram[ramDataAt:][:dataSize] }

// frame is where the kernel has what IRET pops. With a 16-bit stack segment IRET leaves the upper bits of ESP as they were, and so they are
// the user's, 0.
func (m *machine) frame() uint64 {
	if m.mode == decoder.Mode16 {
		return frameAt
	}
	return kernelBase + frameAt
}

// run runs the case in r, and replaces its state by what it left. It is false if something happened that no case should do.
func (m *machine) run(r *record) bool {
	if n := r.WindowLen; n > 0 {
		copy(m.ram[ramDataAt+r.Window-dataBase:], r.Mem[:n])
	}
	env := m.env
	for i := range env.GPR {
		env.GPR[i] = *r.gpr(i)
	}
	m.put(frameAt, r.IP, uint64(r.CS), r.Flags, r.SP, uint64(r.SS))
	env.GPR[4] = m.frame()
	env.RIP = kernelBase + enterIRET
	if m.segs != segments(r) {
		env.RIP = kernelBase + enterAll
		m.put(slotAt, r.Seg[0], r.Seg[1], r.Seg[2], r.Seg[3], r.FSBase, r.GSBase, r.AX, r.CX, r.DX)
	}
	loadFP(env, &r.FP)
	m.UpdateFP()
	m.last = x86.Record{Vector: -1}
	m.unimplemented = false
	m.resume()
	if m.last.Vector < 0 || m.State() == x86.Shutdown {
		return false
	}

	le := binary.LittleEndian
	for i := range env.GPR {
		*r.gpr(i) = env.GPR[i]
	}
	// The frame on the kernel's stack ends with SS at its top.
	f := m.ram[stackTop-40:]
	r.IP, r.CS, r.Flags, r.SP, r.SS = le.Uint64(f), uint16(le.Uint64(f[8:])), le.Uint64(f[16:]), le.Uint64(f[24:]), uint16(le.Uint64(f[32:]))
	r.Trap, r.Err, r.CR2 = uint64(m.last.Vector), uint64(m.last.Code), m.CR2()
	for i, n := range [4]int{3, 0, 4, 5} {
		r.Seg[i] = uint64(m.Segment(n).Selector)
	}
	r.FSBase, r.GSBase = m.Segment(4).Base, m.Segment(5).Base
	m.segs = segments(r)
	storeFP(env, &r.FP)
	if n := r.WindowLen; n > 0 {
		copy(r.Mem[:n], m.ram[ramDataAt+r.Window-dataBase:])
	}
	return true
}

func segments(r *record) [6]uint64 {
	return [6]uint64{r.Seg[0], r.Seg[1], r.Seg[2], r.Seg[3], r.FSBase, r.GSBase}
}

// loadFP brings an XSAVE image into env.
func loadFP(env *tcg.Env, p *[832]byte) {
	le := binary.LittleEndian
	env.MXCSR = le.Uint32(p[24:])
	upper := false
	for i := range env.XMM {
		env.XMM[i] = tcg.Vec128{le.Uint64(p[160+16*i:]), le.Uint64(p[168+16*i:])}
		env.YMMH[i] = tcg.Vec128{le.Uint64(p[576+16*i:]), le.Uint64(p[584+16*i:])}
		upper = upper || env.YMMH[i] != tcg.Vec128{}
	}
	env.YMMUsed = tcg.YMMZero
	if upper {
		env.YMMUsed = tcg.YMMInUse
	}
	// XSAVE keeps one bit a tag, FNSAVE two (SDM vol. 1, 8.1.7).
	env.X87Live = 0
	clear(env.X87[:])
	status, tags := le.Uint16(p[2:]), uint16(0)
	for st := range 8 {
		r := p[32+16*st:][:10]
		copy(env.X87[28+10*st:], r)
		phys := (st + int(status>>11)) & 7
		tags |= tag(r, p[4]>>phys&1 != 0) << (2 * phys)
	}
	le.PutUint32(env.X87[0:], 0xffff0000|uint32(le.Uint16(p[0:])))
	le.PutUint32(env.X87[4:], 0xffff0000|uint32(status))
	le.PutUint32(env.X87[8:], 0xffff0000|uint32(tags))
}

// tag is the two-bit tag of a register.
func tag(r []byte, full bool) uint16 {
	mant, exp := binary.LittleEndian.Uint64(r), binary.LittleEndian.Uint16(r[8:])&0x7fff
	switch {
	case !full:
		return 3
	case mant == 0 && exp == 0:
		return 1
	case exp == 0 || exp == 0x7fff || mant>>63 == 0:
		return 2
	}
	return 0
}

// storeFP is the reverse of loadFP.
func storeFP(env *tcg.Env, p *[832]byte) {
	le := binary.LittleEndian
	le.PutUint32(p[24:], env.MXCSR)
	for i, x := range env.XMM {
		le.PutUint64(p[160+16*i:], x[0])
		le.PutUint64(p[168+16*i:], x[1])
		if env.YMMUsed != tcg.YMMInUse {
			clear(p[576+16*i:][:16])
			continue
		}
		le.PutUint64(p[576+16*i:], env.YMMH[i][0])
		le.PutUint64(p[584+16*i:], env.YMMH[i][1])
	}
	copy(p[0:2], env.X87[0:])
	copy(p[2:4], env.X87[4:])
	p[4] = 0
	for i := range 8 {
		if le.Uint16(env.X87[8:])>>(2*i)&3 != 3 {
			p[4] |= 1 << i
		}
		copy(p[32+16*i:][:10], env.X87[28+10*i:])
	}
}

// sameData tells whether the machine's data pages are those of the host.
func (m *machine) sameData(host []byte) bool { return bytes.Equal(m.data(), host) }

// The bus: a port that ends a case.
func (m *machine) Out(port uint16, size int, v uint32) {
	if port == stopPort {
		m.stopped = true
		m.env.ExitReq = 1
	}
}
func (*machine) In(uint16, int) uint32   { return 0 }
func (*machine) TSC() uint64             { return 0 }
func (*machine) APICBase() uint64        { return 0xfee00900 }
func (*machine) SetAPICBase(uint64) bool { return true }
func (*machine) TPR() uint8              { return 0 }
func (*machine) SetTPR(uint8)            {}
func (*machine) SetFERR(bool)            {}
func (*machine) IGNNE() bool             { return false }

// The events of the engine's loop.
func (m *machine) Poll() bool  { return m.stopped }
func (m *machine) Wait() bool  { return true }
func (*machine) INTR() bool    { return false }
func (*machine) IntAck() int   { return -1 }
func (*machine) Budget() int32 { return 1 << 30 }
func (*machine) Spent(int32)   {}
