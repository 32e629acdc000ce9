package difftest

import (
	"encoding/binary"
	"syscall"
	"testing"

	"goemu/decoder"
	"goemu/emu/translate"
	"goemu/mmu"
	"goemu/tcg"
	"goemu/tcg/interp"
)

// modes are those of user code on Linux.
var modes = [...]tcg.Mode{
	decoder.Mode16: tcg.ModeCode16 | user&^tcg.ModeFlat,
	decoder.Mode32: tcg.ModeCode32 | tcg.ModeStack32 | user,
	decoder.Mode64: tcg.ModeCode64 | user,
}

const user = tcg.ModeFlat | tcg.ModeProt | 3<<tcg.ModeCPLShift | mmu.IndexUser<<tcg.ModeIndexShift

// maxBlocks ends sequences that loop.
const maxBlocks = 64

// runner is an engine.
type runner interface {
	// start prepares for new code; the Env holds the initial state.
	start(m *machine)
	// run runs the code at Env.RIP for a while. It is false when the sequence is over, by a fault or at its end.
	run(m *machine) bool
	// sync brings all state back into the Env.
	sync(m *machine)
}

// machine is the tcg.Machine of a test: the two data pages, no paging, no system instructions.
type machine struct {
	env    *tcg.Env
	mode   tcg.Mode
	start  uint64 // codeStart
	data   []byte // host memory behind the data pages
	code   []byte
	trans  *translate.Translator
	block  tcg.Block
	vector int
	state  *state // at the start of the run
	engine runner
}

func newMachine(t *testing.T, env *tcg.Env, r runner) *machine {
	t.Helper()
	data, err := syscall.Mmap(-1, 0, dataSize, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_PRIVATE|syscall.MAP_ANON)
	if err != nil {
		t.Fatal(err)
	}
	m := &machine{env: env, data: data, trans: translate.New(), engine: r}
	for i := range uint64(mmu.TLBEntries) {
		for j := range mmu.NumIndexes {
			env.TLB.Read[j][i].Page = mmu.EmptyPage(i)
			env.TLB.Write[j][i].Page = mmu.EmptyPage(i)
		}
	}
	for i := range env.TLB.Victim {
		for j := range env.TLB.Victim[i] {
			for k := range env.TLB.Victim[i][j] {
				env.TLB.Victim[i][j][k].Page = mmu.NoVictim
			}
		}
	}
	env.SSEOK, env.X87OK, env.AVXOK = 1, 1, 1
	return m
}

// interpreter runs block after block in package interp.
type interpreter struct{ optimise bool }

func (interpreter) start(*machine) {}
func (interpreter) sync(*machine)  {}

func (i interpreter) run(m *machine) bool {
	b := m.translate(64)
	if b == nil {
		return false
	}
	if i.optimise {
		tcg.Optimise(b, nil)
	}
	return interp.Run(m.env, m, b) == tcg.ResultNext
}

// run executes code from s, and updates s.
func (m *machine) run(s *state, code []byte) {
	m.mode, m.start = modes[s.Mode], codeStart(s.Mode)
	first := *s
	m.state = &first
	m.load(s)
	copy(m.data, s.Mem[:])
	m.code = code
	m.vector = ended
	m.engine.start(m)
	for n := 0; ; n++ {
		switch {
		case n == maxBlocks:
			m.vector = unknown
		case m.env.RIP-m.start >= codeSize:
			m.vector = tcg.VectorPF
		case m.engine.run(m):
			continue
		}
		break
	}
	m.engine.sync(m)
	m.store(s)
	copy(s.Mem[:], m.data)
}

// translate makes the block at Env.RIP.
func (m *machine) translate(max int) *tcg.Block {
	m.block = tcg.Block{Ops: m.block.Ops[:0], Insts: m.block.Insts[:0], Key: tcg.Key{RIP: m.env.RIP, Phys: codeBase + m.env.RIP - m.start, CSBase: codeBase - m.start, Mode: m.mode}}
	if m.mode&tcg.ModeCode == tcg.ModeCode16 {
		m.block.Key.Top = codeSize // the limit in the host's LDT
	}
	if err := m.trans.Translate(&m.block, m.code[m.env.RIP-m.start:], max); err != nil {
		m.vector = unknown
		return nil
	}
	return &m.block
}

// load brings s into the Env.
func (m *machine) load(s *state) {
	env := m.env
	env.GPR, env.RIP = s.GPR, s.RIP
	env.CC = tcg.EFlagsToCC(s.Flags)
	env.EFlags = s.Flags&^tcg.EFlagsArith | 2
	env.SegRdTop = [6]uint64{1 << 32, 1 << 32, 1 << 32, 1 << 32, 1 << 32, 1 << 32}
	env.SegWrTop = env.SegRdTop
	if s.Mode == decoder.Mode16 {
		env.SegRdTop = [6]uint64{dataSize / 2, codeSize, dataSize, dataSize, dataSize, dataSize}
		env.SegWrTop = env.SegRdTop
		env.SegWrTop[tcg.SegCS] = 0
		env.SegBase = [6]uint64{dataBase + dataSize/2, codeBase, dataBase, dataBase, dataBase, dataBase}
	} else {
		env.SegBase = [6]uint64{4: s.FSBase, 5: s.GSBase}
	}
	le := binary.LittleEndian
	env.MXCSR = le.Uint32(s.FP[24:])
	for i := range env.XMM {
		env.XMM[i] = tcg.Vec128{le.Uint64(s.FP[160+16*i:]), le.Uint64(s.FP[168+16*i:])}
		env.YMMH[i] = tcg.Vec128{le.Uint64(s.YMMH[16*i:]), le.Uint64(s.YMMH[16*i+8:])}
	}
	env.YMMUsed = tcg.YMMZero
	if s.YMMH != [256]byte{} {
		env.YMMUsed = tcg.YMMInUse
	}
	// FXSAVE keeps one bit a tag, FNSAVE two (SDM vol. 1, 8.1.7).
	clear(env.X87[:])
	status, tags := le.Uint16(s.FP[2:]), uint16(0)
	for st := range 8 {
		r := s.FP[32+16*st:][:10]
		copy(env.X87[28+10*st:], r)
		phys := (st + int(status>>11)) & 7
		tags |= tag(r, s.FP[4]>>phys&1 != 0) << (2 * phys)
	}
	le.PutUint32(env.X87[0:], 0xffff0000|uint32(le.Uint16(s.FP[0:])))
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

// store is the reverse of load.
func (m *machine) store(s *state) {
	env := m.env
	s.GPR, s.RIP = env.GPR, env.RIP
	s.Flags = env.EFlags&^tcg.EFlagsArith | tcg.CCToEFlags(env.CC)
	s.Vector = m.vector
	le := binary.LittleEndian
	le.PutUint32(s.FP[24:], env.MXCSR)
	for i, x := range env.XMM {
		le.PutUint64(s.FP[160+16*i:], x[0])
		le.PutUint64(s.FP[168+16*i:], x[1])
		le.PutUint64(s.YMMH[16*i:], env.YMMH[i][0])
		le.PutUint64(s.YMMH[16*i+8:], env.YMMH[i][1])
	}
	copy(s.FP[0:2], env.X87[0:])
	copy(s.FP[2:4], env.X87[4:])
	s.FP[4] = 0
	for i := range 8 {
		if le.Uint16(env.X87[8:])>>(2*i)&3 != 3 {
			s.FP[4] |= 1 << i
		}
		copy(s.FP[32+16*i:][:10], env.X87[28+10*i:])
	}
}

// at gives the data at a linear address; nil, and a page fault, if they are not all data.
func (m *machine) at(linear uint64, n int) []byte {
	off := linear - dataBase
	switch {
	case off < dataSize && off+uint64(n) <= dataSize:
		return m.data[off:][:n]
	case linear < codeBase+codeSize && linear+uint64(n) > codeBase:
		m.vector = unknown // code is data in the child, not here
	default:
		m.vector = tcg.VectorPF
	}
	return nil
}

func (m *machine) ReadMem(linear uint64, size, _ int) (uint64, bool) {
	p := m.at(linear, size)
	if p == nil {
		return 0, false
	}
	var b [8]byte
	copy(b[:], p)
	return binary.LittleEndian.Uint64(b[:]), true
}

func (m *machine) WriteMem(linear uint64, size int, v uint64, _ int) bool {
	p := m.at(linear, size)
	for i := range p {
		p[i] = byte(v >> (8 * i))
	}
	return p != nil
}

func (m *machine) ReadBytes(linear uint64, p []byte, _ int) bool {
	return copy(p, m.at(linear, len(p))) == len(p)
}

func (m *machine) WriteBytes(linear uint64, p []byte, _ int) bool {
	return copy(m.at(linear, len(p)), p) == len(p)
}

func (m *machine) Probe(linear uint64, size, _ int) bool { return m.at(linear, size) != nil }

func (m *machine) Linear(seg tcg.Seg, off uint64, size int, write bool) (uint64, bool) {
	a := off + m.env.SegBase[seg]
	if m.state.Mode != decoder.Mode64 {
		top := m.env.SegRdTop[seg]
		if write {
			top = m.env.SegWrTop[seg]
		}
		switch {
		case off+uint64(size) <= top:
			return uint64(uint32(a)), true
		case seg == tcg.SegSS:
			return 0, m.Raise(tcg.VectorSS)
		}
		return 0, m.Raise(tcg.VectorGP)
	}
	return a, m.Canonical(a, size, false)
}

func (m *machine) Canonical(a uint64, size int, stack bool) bool {
	last := a + uint64(size) - 1
	if a+1<<47 < 1<<48 && last+1<<47 < 1<<48 {
		return true
	}
	if stack {
		return m.Raise(tcg.VectorSS)
	}
	return m.Raise(tcg.VectorGP)
}

// Sys knows the INT3 that ends a sequence.
func (m *machine) Sys(i *tcg.SysInst) bool {
	switch i.Op {
	case decoder.INT3:
		m.vector = ended
		m.env.RIP++
	case decoder.Invalid:
		m.vector = tcg.VectorUD
	default:
		m.vector = unknown
	}
	return false
}

func (m *machine) Raise(vector int) bool {
	m.vector = vector
	return false
}

func (m *machine) CheckSSE(bool) bool { return true }
func (m *machine) CheckAVX() bool     { return true }
func (m *machine) CheckFPU(bool) bool { return true }
