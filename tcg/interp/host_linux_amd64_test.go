package interp

import (
	"encoding/binary"
	"os"
	"strings"
	"testing"

	"goemu/tcg"
	"goemu/tcg/softfloat/hostcpu"
)

// The general-register ops against the host CPU: rax is destination and first operand,
// rcx the second, rdx the filler of double shifts; or a memory operand with rcx.

// form is an instruction in its encodings of 8 bits and wider (0: there is none), and the op it is.
type form struct {
	name    string
	prefix  byte
	map0f   bool
	op8, op int
	modrm   byte
	ir      tcg.Op
	counts  bool // rcx is a shift count
	mem     bool
}

func ax(o tcg.Op) tcg.Op {
	o.SetF = o.Code != tcg.Not && o.Code != tcg.Cmov && o.Code != tcg.Setcc && o.Code != tcg.Mov && o.Code != tcg.Bswap &&
		o.Code != tcg.DivX && o.Code != tcg.IdivX
	o.Seg = tcg.SegNone
	return o
}

var (
	rax, rcx, rdx = tcg.Reg(0), tcg.Reg(1), tcg.Reg(2)
	hAH, hCH      = tcg.High(0), tcg.High(1)
)

func two(c tcg.Opcode) tcg.Op { return ax(tcg.Op{Code: c, Dst: rax, A: rax, B: rcx}) }
func one(c tcg.Opcode) tcg.Op { return ax(tcg.Op{Code: c, Dst: rax, A: rax}) }
func src(c tcg.Opcode) tcg.Op { return ax(tcg.Op{Code: c, Dst: rax, A: rcx}) }
func imp(c tcg.Opcode) tcg.Op { return ax(tcg.Op{Code: c, A: rcx}) }
func rmw(c tcg.Opcode) tcg.Op { return ax(tcg.Op{Code: tcg.Rmw, Sub: c, C: rcx}) }

func forms() []form {
	fs := []form{
		{name: "add", op8: 0x00, op: 0x01, modrm: 0xc8, ir: two(tcg.Add)},
		{name: "or", op8: 0x08, op: 0x09, modrm: 0xc8, ir: two(tcg.Or)},
		{name: "adc", op8: 0x10, op: 0x11, modrm: 0xc8, ir: two(tcg.Adc)},
		{name: "sbb", op8: 0x18, op: 0x19, modrm: 0xc8, ir: two(tcg.Sbb)},
		{name: "and", op8: 0x20, op: 0x21, modrm: 0xc8, ir: two(tcg.And)},
		{name: "sub", op8: 0x28, op: 0x29, modrm: 0xc8, ir: two(tcg.Sub)},
		{name: "xor", op8: 0x30, op: 0x31, modrm: 0xc8, ir: two(tcg.Xor)},
		{name: "cmp", op8: 0x38, op: 0x39, modrm: 0xc8, ir: ax(tcg.Op{Code: tcg.Cmp, A: rax, B: rcx})},
		{name: "test", op8: 0x84, op: 0x85, modrm: 0xc8, ir: ax(tcg.Op{Code: tcg.Test, A: rax, B: rcx})},
		{name: "mov", op8: 0x88, op: 0x89, modrm: 0xc8, ir: src(tcg.Mov)},
		{name: "inc", op8: 0xfe, op: 0xff, modrm: 0xc0, ir: one(tcg.Inc)},
		{name: "dec", op8: 0xfe, op: 0xff, modrm: 0xc8, ir: one(tcg.Dec)},
		{name: "not", op8: 0xf6, op: 0xf7, modrm: 0xd0, ir: one(tcg.Not)},
		{name: "neg", op8: 0xf6, op: 0xf7, modrm: 0xd8, ir: one(tcg.Neg)},
		{name: "rol", op8: 0xd2, op: 0xd3, modrm: 0xc0, ir: two(tcg.Rol), counts: true},
		{name: "ror", op8: 0xd2, op: 0xd3, modrm: 0xc8, ir: two(tcg.Ror), counts: true},
		{name: "rcl", op8: 0xd2, op: 0xd3, modrm: 0xd0, ir: two(tcg.Rcl), counts: true},
		{name: "rcr", op8: 0xd2, op: 0xd3, modrm: 0xd8, ir: two(tcg.Rcr), counts: true},
		{name: "shl", op8: 0xd2, op: 0xd3, modrm: 0xe0, ir: two(tcg.Shl), counts: true},
		{name: "shr", op8: 0xd2, op: 0xd3, modrm: 0xe8, ir: two(tcg.Shr), counts: true},
		{name: "sar", op8: 0xd2, op: 0xd3, modrm: 0xf8, ir: two(tcg.Sar), counts: true},
		{name: "shld", map0f: true, op: 0xa5, modrm: 0xd0, ir: ax(tcg.Op{Code: tcg.Shld, Dst: rax, A: rax, B: rdx, C: rcx}), counts: true},
		{name: "shrd", map0f: true, op: 0xad, modrm: 0xd0, ir: ax(tcg.Op{Code: tcg.Shrd, Dst: rax, A: rax, B: rdx, C: rcx}), counts: true},
		{name: "imul2", map0f: true, op: 0xaf, modrm: 0xc1, ir: two(tcg.Imul)},
		{name: "mul", op8: 0xf6, op: 0xf7, modrm: 0xe1, ir: imp(tcg.MulX)},
		{name: "imul", op8: 0xf6, op: 0xf7, modrm: 0xe9, ir: imp(tcg.ImulX)},
		{name: "div", op8: 0xf6, op: 0xf7, modrm: 0xf1, ir: imp(tcg.DivX)},
		{name: "idiv", op8: 0xf6, op: 0xf7, modrm: 0xf9, ir: imp(tcg.IdivX)},
		{name: "bsf", map0f: true, op: 0xbc, modrm: 0xc1, ir: src(tcg.Bsf)},
		{name: "bsr", map0f: true, op: 0xbd, modrm: 0xc1, ir: src(tcg.Bsr)},
		{name: "tzcnt", prefix: 0xf3, map0f: true, op: 0xbc, modrm: 0xc1, ir: src(tcg.Tzcnt)},
		{name: "lzcnt", prefix: 0xf3, map0f: true, op: 0xbd, modrm: 0xc1, ir: src(tcg.Lzcnt)},
		{name: "popcnt", prefix: 0xf3, map0f: true, op: 0xb8, modrm: 0xc1, ir: src(tcg.Popcnt)},
		{name: "bt", map0f: true, op: 0xa3, modrm: 0xc8, ir: ax(tcg.Op{Code: tcg.Bt, A: rax, B: rcx})},
		{name: "bts", map0f: true, op: 0xab, modrm: 0xc8, ir: two(tcg.Bts)},
		{name: "btr", map0f: true, op: 0xb3, modrm: 0xc8, ir: two(tcg.Btr)},
		{name: "btc", map0f: true, op: 0xbb, modrm: 0xc8, ir: two(tcg.Btc)},
		{name: "bswap", map0f: true, op: 0xc8, ir: one(tcg.Bswap)},

		{name: "add [m]", op8: 0x00, op: 0x01, modrm: 0x0d, ir: rmw(tcg.Add), mem: true},
		{name: "or [m]", op8: 0x08, op: 0x09, modrm: 0x0d, ir: rmw(tcg.Or), mem: true},
		{name: "adc [m]", op8: 0x10, op: 0x11, modrm: 0x0d, ir: rmw(tcg.Adc), mem: true},
		{name: "sbb [m]", op8: 0x18, op: 0x19, modrm: 0x0d, ir: rmw(tcg.Sbb), mem: true},
		{name: "and [m]", op8: 0x20, op: 0x21, modrm: 0x0d, ir: rmw(tcg.And), mem: true},
		{name: "sub [m]", op8: 0x28, op: 0x29, modrm: 0x0d, ir: rmw(tcg.Sub), mem: true},
		{name: "xor [m]", op8: 0x30, op: 0x31, modrm: 0x0d, ir: rmw(tcg.Xor), mem: true},
		{name: "xchg", op8: 0x86, op: 0x87, modrm: 0x0d, ir: ax(tcg.Op{Code: tcg.Rmw, Sub: tcg.Mov, Dst: rcx, C: rcx}), mem: true},
		{name: "xadd", map0f: true, op8: 0xc0, op: 0xc1, modrm: 0x0d, ir: ax(tcg.Op{Code: tcg.Rmw, Sub: tcg.Add, Dst: rcx, C: rcx}), mem: true},
		{name: "inc [m]", op8: 0xfe, op: 0xff, modrm: 0x05, ir: ax(tcg.Op{Code: tcg.Rmw, Sub: tcg.Inc}), mem: true},
		{name: "neg [m]", op8: 0xf6, op: 0xf7, modrm: 0x1d, ir: ax(tcg.Op{Code: tcg.Rmw, Sub: tcg.Neg}), mem: true},
		{name: "rcl [m]", op8: 0xd2, op: 0xd3, modrm: 0x15, ir: rmw(tcg.Rcl), mem: true, counts: true},
		{name: "shr [m]", op8: 0xd2, op: 0xd3, modrm: 0x2d, ir: rmw(tcg.Shr), mem: true, counts: true},
		{name: "cmpxchg", map0f: true, op8: 0xb0, op: 0xb1, modrm: 0x0d, ir: ax(tcg.Op{Code: tcg.Cmpxchg, C: rcx}), mem: true},
	}
	for c := tcg.CondO; c <= tcg.CondG; c++ {
		fs = append(fs,
			form{name: "set" + c.String(), map0f: true, op8: 0x90 + int(c), modrm: 0xc0, ir: ax(tcg.Op{Code: tcg.Setcc, Dst: rax, Cond: c})},
			form{name: "cmov" + c.String(), map0f: true, op: 0x40 + int(c), modrm: 0xc1, ir: ax(tcg.Op{Code: tcg.Cmov, Dst: rax, A: rcx, Cond: c})})
	}
	return fs
}

// encode gives the instruction in width w and the place of its ModRM byte if that names memory; nil if there is no such form.
func (f *form) encode(w tcg.Width) (code []byte, mem int) {
	op := f.op
	if w == tcg.W8 {
		op = f.op8
		if f.op8 == 0 && f.name != "add" && f.name != "add [m]" {
			return nil, -1
		}
	} else if op == 0 {
		return nil, -1
	}
	if w == tcg.W16 {
		code = append(code, 0x66)
	}
	if f.prefix != 0 {
		code = append(code, f.prefix)
	}
	if w == tcg.W64 {
		code = append(code, 0x48)
	}
	if f.map0f {
		code = append(code, 0x0f)
	}
	code = append(code, byte(op))
	if f.modrm == 0 {
		return code, -1
	}
	code = append(code, f.modrm)
	if f.mem {
		return append(code, 0, 0, 0, 0), len(code) - 1
	}
	return code, -1
}

func block(o tcg.Op, memory bool) *tcg.Block {
	if memory {
		o.Disp, o.AddrW = ramBase+0x100, tcg.W64
	}
	return &tcg.Block{NInsns: 1, Bytes: 1, Key: tcg.Key{Mode: tcg.ModeCode64 | tcg.ModeFlat}, Ops: []tcg.Op{
		{Code: tcg.Insn, W: tcg.W64, Seg: tcg.SegNone, Imm: 0x1000, Disp: 1}, o,
		{Code: tcg.Jmp, W: tcg.W64, Seg: tcg.SegNone, Imm: 0x2000}}}
}

// onAMD tells whether the host gives undefined flags the values that undefined.go promises.
func onAMD() bool {
	b, err := os.ReadFile("/proc/cpuinfo")
	return err == nil && strings.Contains(string(b), "AuthenticAMD")
}

type pair struct {
	cpu *hostcpu.CPU
	m   *machine
	amd bool
}

func newPair(t *testing.T) *pair {
	cpu, err := hostcpu.New()
	if err != nil {
		t.Fatal(err)
	}
	return &pair{cpu, newMachine(), onAMD()}
}

// compare runs the loaded instruction and the block from the same state.
func (p *pair) compare(t *testing.T, name string, b *tcg.Block, gpr [4]uint64, mem uint64, flags uint32, ignore tcg.Flags) bool {
	s, env := p.cpu.State, p.m.env
	copy(s.GPR[:4], gpr[:])
	s.Flags = uint64(flags)
	binary.LittleEndian.PutUint64(s.Mem[:], mem)
	p.cpu.Run()
	copy(env.GPR[:4], gpr[:])
	env.CC = tcg.EFlagsToCC(flags)
	ram := p.m.ram[0x100:]
	binary.LittleEndian.PutUint64(ram, mem)
	p.m.fault = ""
	p.m.log = p.m.log[:0]
	res := Run(env, p.m, b)
	keep := uint64(tcg.CCToEFlags(0x100*0xff|1)) &^ uint64(tcg.CCToEFlags(ignore.CC())&^2)
	got := uint64(tcg.CCToEFlags(env.CC))
	trapped := res == tcg.ResultFault
	if *(*[4]uint64)(s.GPR[:4]) != *(*[4]uint64)(env.GPR[:4]) || (s.Flags^got)&keep&tcg.EFlagsArith != 0 ||
		string(s.Mem[:8]) != string(ram[:8]) || trapped != (s.Trapped != 0) {
		t.Errorf("%s: rax..rbx %x mem %x flags %x:\n host %x mem %x flags %x trap %d\n here %x mem %x flags %x trap %v", name, gpr, mem, flags,
			s.GPR[:4], s.Mem[:8], s.Flags&tcg.EFlagsArith, s.Trapped, env.GPR[:4], ram[:8], got&tcg.EFlagsArith, trapped)
		return false
	}
	return true
}

func TestAgainstHost(t *testing.T) {
	p := newPair(t)
	r := rng(t)
	for _, f := range forms() {
		for w := tcg.W8; w <= tcg.W64; w++ {
			code, mem := f.encode(w)
			if code == nil {
				continue
			}
			p.cpu.Load(code, mem)
			o := f.ir
			o.W = w
			b := block(o, f.mem)
			if err := tcg.Verify(b); err != nil {
				t.Fatal(err)
			}
			p.m.flush()
			p.m.fillTLB = r.IntN(2) == 0
			for range 2000 {
				gpr := [4]uint64{operand(r), operand(r), operand(r), operand(r)}
				val := operand(r)
				if f.name == "cmpxchg" && r.IntN(2) == 0 {
					val = gpr[0]
				}
				if f.counts {
					gpr[1] = gpr[1]&^0xff | uint64(r.IntN(70))
				}
				if strings.HasSuffix(f.name, "div") && r.IntN(2) == 0 {
					gpr[2] = uint64(int64(gpr[0]) >> 63) // often divisible
				}
				n := int(count(w, gpr[1]))
				ignore := tcg.Flags(0)
				if !p.amd || o.Code == tcg.DivX || o.Code == tcg.IdivX {
					ignore = Undefined(&o, n)
				}
				if !p.amd && w == tcg.W16 && n > 16 && (o.Code == tcg.Shld || o.Code == tcg.Shrd) {
					continue // undefined result
				}
				flags := uint32(r.Uint32())&tcg.EFlagsArith | 2
				if !p.compare(t, f.name+"."+w.String(), b, gpr, val, flags, ignore) {
					break
				}
			}
		}
	}
}

// High bytes as operands and destinations.
func TestHighBytesAgainstHost(t *testing.T) {
	p := newPair(t)
	r := rng(t)
	for _, c := range []struct {
		name string
		code []byte
		ir   tcg.Op
	}{
		{"add ah,ch", []byte{0x00, 0xec}, ax(tcg.Op{Code: tcg.Add, Dst: hAH, A: hAH, B: hCH})},
		{"adc ch,al", []byte{0x10, 0xc5}, ax(tcg.Op{Code: tcg.Adc, Dst: hCH, A: hCH, B: rax})},
		{"cmp cl,ah", []byte{0x38, 0xe1}, ax(tcg.Op{Code: tcg.Cmp, A: rcx, B: hAH})},
		{"mov bh,dl", []byte{0x88, 0xd7}, ax(tcg.Op{Code: tcg.Mov, Dst: tcg.High(3), A: rdx})},
		{"mov dl,bh", []byte{0x88, 0xfa}, ax(tcg.Op{Code: tcg.Mov, Dst: rdx, A: tcg.High(3)})},
		{"mul ch", []byte{0xf6, 0xe5}, ax(tcg.Op{Code: tcg.MulX, A: hCH})},
		{"div ch", []byte{0xf6, 0xf5}, ax(tcg.Op{Code: tcg.DivX, A: hCH})},
		{"idiv ah", []byte{0xf6, 0xfc}, ax(tcg.Op{Code: tcg.IdivX, A: hAH})},
		{"shl dh,cl", []byte{0xd2, 0xe6}, ax(tcg.Op{Code: tcg.Shl, Dst: tcg.High(2), A: tcg.High(2), B: rcx})},
		{"neg ah", []byte{0xf6, 0xdc}, ax(tcg.Op{Code: tcg.Neg, Dst: hAH, A: hAH})},
		{"sete ah", []byte{0x0f, 0x94, 0xc4}, ax(tcg.Op{Code: tcg.Setcc, Cond: tcg.CondE, Dst: hAH})},
		{"movzx edx,ch", []byte{0x0f, 0xb6, 0xd5}, tcg.Op{Code: tcg.Zext, W: tcg.W32, Dst: rdx, A: hCH, Seg: tcg.SegNone}},
		{"movsx dx,ah", []byte{0x66, 0x0f, 0xbe, 0xd4}, tcg.Op{Code: tcg.Sext, W: tcg.W16, Dst: rdx, A: hAH, Seg: tcg.SegNone}},
		{"movsx rdx,cl", []byte{0x48, 0x0f, 0xbe, 0xd1}, tcg.Op{Code: tcg.Sext, W: tcg.W64, Dst: rdx, A: rcx, Seg: tcg.SegNone}},
		{"movsx edx,cx", []byte{0x0f, 0xbf, 0xd1}, tcg.Op{Code: tcg.Sext, W: tcg.W32, SrcW: tcg.W16, Dst: rdx, A: rcx, Seg: tcg.SegNone}},
		{"movsxd rdx,ecx", []byte{0x48, 0x63, 0xd1}, tcg.Op{Code: tcg.Sext, W: tcg.W64, SrcW: tcg.W32, Dst: rdx, A: rcx, Seg: tcg.SegNone}},
		{"movzx rdx,cx", []byte{0x48, 0x0f, 0xb7, 0xd1}, tcg.Op{Code: tcg.Zext, W: tcg.W64, SrcW: tcg.W16, Dst: rdx, A: rcx, Seg: tcg.SegNone}},
		{"lea rdx,[rax+rcx*4-0x12]", []byte{0x48, 0x8d, 0x54, 0x88, 0xee}, tcg.Op{Code: tcg.Lea, W: tcg.W64, AddrW: tcg.W64, Dst: rdx, A: rax, B: rcx, Scale: 2, Disp: -0x12, Seg: tcg.SegNone}},
		{"lea edx,[rax+rcx*8]", []byte{0x8d, 0x14, 0xc8}, tcg.Op{Code: tcg.Lea, W: tcg.W32, AddrW: tcg.W64, Dst: rdx, A: rax, B: rcx, Scale: 3, Seg: tcg.SegNone}},
		{"lea rdx,[eax+ecx]", []byte{0x67, 0x48, 0x8d, 0x14, 0x08}, tcg.Op{Code: tcg.Lea, W: tcg.W64, AddrW: tcg.W32, Dst: rdx, A: rax, B: rcx, Seg: tcg.SegNone}},
		{"lea dx,[rax+rcx*2]", []byte{0x66, 0x8d, 0x14, 0x48}, tcg.Op{Code: tcg.Lea, W: tcg.W16, AddrW: tcg.W64, Dst: rdx, A: rax, B: rcx, Scale: 1, Seg: tcg.SegNone}},
		{"clc", []byte{0xf8}, ax(tcg.Op{Code: tcg.Clc})},
		{"stc", []byte{0xf9}, ax(tcg.Op{Code: tcg.Stc})},
		{"cmc", []byte{0xf5}, ax(tcg.Op{Code: tcg.Cmc})},
	} {
		b := block(c.ir, false)
		if err := tcg.Verify(b); err != nil {
			t.Fatal(err)
		}
		p.cpu.Load(c.code, -1)
		for range 2000 {
			gpr := [4]uint64{operand(r), operand(r), operand(r), operand(r)}
			ignore := tcg.Flags(0)
			if !p.amd || c.ir.Code == tcg.DivX || c.ir.Code == tcg.IdivX {
				ignore = Undefined(&c.ir, int(count(c.ir.W, gpr[1])))
			}
			if !p.compare(t, c.name, b, gpr, 0, r.Uint32()&tcg.EFlagsArith|2, ignore) {
				break
			}
		}
	}
}
