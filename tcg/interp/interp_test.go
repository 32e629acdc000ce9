package interp

import (
	"encoding/binary"
	"strings"
	"testing"

	"goemu/tcg"
)

func parse(t testing.TB, mode tcg.Mode, text string) *tcg.Block {
	t.Helper()
	b, err := tcg.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	b.Key.Mode = mode
	if err := tcg.Verify(b); err != nil {
		t.Fatal(err)
	}
	return b
}

const (
	flat64 = tcg.ModeCode64 | tcg.ModeFlat | tcg.ModeProt
	code32 = tcg.ModeCode32 | tcg.ModeProt
)

// Each access is one op at 0x1000 with RAX = 0x11223344_55667788. Faults leave everything as it was.
func TestMemoryRules(t *testing.T) {
	const last = "0x13ffc" // four bytes before the end of RAM
	for _, c := range []struct {
		name  string
		mode  tcg.Mode
		op    string
		fault string
		log   string // what the Machine was asked, in words
	}{
		{"load", flat64, "ld rcx, [0x10000]", "", "read"},
		{"load outside RAM", flat64, "ld rcx, [0x20000]", "#PF 0x20000 write=false", "read"},
		{"load across the end of RAM", flat64, "ld rcx, [" + last + "]", "#PF 0x14000 write=false", "read"},
		{"store across the end of RAM", flat64, "st [" + last + "], rax", "#PF 0x14000 write=true", "write"},
		{"store to read-only memory", flat64, "st [0x11000], rax", "#PF 0x11000 write=true", "write"},
		{"add to read-only memory does not read", flat64, "rmw.add [0x11000], rax", "#PF 0x11000 write=true", "probe"},
		{"cmpxchg writes even if not equal", flat64, "cmpxchg [0x11000], rcx", "#PF 0x11000 write=true", "probe"},
		{"not canonical", flat64, "ld rcx, [0x800000000000]", "not canonical 0x800000000000 stack=false", ""},
		{"last byte not canonical", flat64, "ld rcx, [0x7ffffffffff9]", "not canonical 0x7ffffffffff9 stack=false", ""},
		{"on the stack", flat64, "ld rcx, [rsp + rax*1]", "not canonical 0x1122334455667788 stack=true", ""},
		{"by RBP", flat64, "st [rbp + rax*1], rax", "not canonical 0x1122334455667788 stack=true", ""},
		{"RBP with FS is no stack", flat64, "st fs:[rbp + rax*1], rax", "not canonical 0x1122334455677788 stack=false", ""},
		{"canonical at the top", flat64, "ld rcx, [-0x8]", "#PF 0xfffffffffffffff8 write=false", "read"},
		{"FS has a base in 64-bit code", flat64, "ld rcx, fs:[0x8]", "", "read"},
		{"32-bit addresses wrap", flat64, "ld rcx, [rax - 0x55657788]@32", "", "read"},
		{"16-bit addresses wrap", code32 | tcg.ModeFlat, "ld rcx, ds:[rax - 0x7780]@16", "", "read"},
		{"segment below its limit", code32, "ld.32 rcx, ds:[0x3ffc]@32", "", "read"},
		{"segment at its limit", code32, "ld.32 rcx, ds:[0x3ffd]@32", "#PF 0x14000 write=false", "linear read"},
		{"segment not writable inline", code32, "st.32 ds:[0x10]@32, rax", "", "linear write"},
		{"segment limit", code32, "ld.32 rcx, ss:[0x8000]@32", "limit 2", "linear"},
		{"misaligned is fine", flat64, "ld rcx, [0x10001]", "", "read"},
		{"misaligned with #AC on", flat64 | tcg.ModeAlign, "ld rcx, [0x10001]", "vector 17", "read"},
		{"misaligned store with #AC on", flat64 | tcg.ModeAlign, "st.16 [0x10001], rax", "vector 17", "probe"},
		{"misaligned add with #AC on", flat64 | tcg.ModeAlign, "rmw.add.32 [0x10002], rax", "vector 17", "probe"},
		{"aligned with #AC on", flat64 | tcg.ModeAlign, "st.16 [0x10002], rax", "", "probe write"},
		{"#PF before #AC", flat64 | tcg.ModeAlign, "ld rcx, [0x20001]", "#PF 0x20001 write=false", "read"},
		{"aligned SSE operand", flat64, "vec.66.1.6f xmm1, [0x10008] b16 rd align", "vector 13", "sse"},
		{"unaligned SSE operand", flat64, "vec.f3.1.6f xmm1, [0x10008] b16 rd", "", "sse read"},
		{"SSE store", flat64, "vec.66.1.7f xmm1, [0x10010] b16 wr align", "", "sse probe write"},
		{"SSE store to read-only memory", flat64, "vec.66.1.7f xmm1, [0x11000] b16 wr align", "#PF 0x11000 write=true", "sse probe"},
		{"MMX", flat64, "vec.00.1.6f mm1, mm2", "", "sse"},
		{"CRC32 needs no SSE", flat64, "vec.f2.2.f1 rcx, rax", "", ""},
		{"x87 waits", flat64, "fpu.d9.e8", "", "fpu"},
		{"x87 store", flat64, "fpu.d9.3c [0x10000] b2 wr", "", "fpu probe write"},
		{"divide by 0", flat64, "divx.8 rcx", "vector 0", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := parse(t, c.mode, "--- 0x1000 +1\n"+c.op+"\njmp 0x2000")
			m := newMachine()
			m.readOnly[1] = true
			env := m.env
			env.GPR[0] = 0x1122334455667788
			env.SegBase = [6]uint64{tcg.SegSS: 0x10000, tcg.SegDS: 0x10000, tcg.SegFS: 0x10000, tcg.SegGS: 0x10000}
			if c.mode&tcg.ModeFlat != 0 {
				env.SegBase[tcg.SegDS] = 0x10000
			}
			env.SegRdTop[tcg.SegDS] = 0x4000
			env.CC = 0x5500 | 1
			env.RIP = 0x1000
			gpr, cc := env.GPR, env.CC
			res := Run(env, m, b)
			if (res == tcg.ResultFault) != (c.fault != "") || m.fault != c.fault {
				t.Errorf("result %d, fault %q, want %q", res, m.fault, c.fault)
			}
			var words []string
			for _, l := range m.log {
				w, _, _ := strings.Cut(l, " ")
				words = append(words, w)
			}
			if got := strings.Join(words, " "); got != c.log {
				t.Errorf("calls %q, want %q", got, c.log)
			}
			wantRIP, wantInsns := uint64(0x2000), uint64(1)
			if c.fault != "" {
				wantRIP, wantInsns = 0x1000, 0
				if env.GPR != gpr || (env.CC^cc)&tcg.FlagsAll.CC() != 0 {
					t.Errorf("state changed: %x, flags %#x", env.GPR, env.CC)
				}
			}
			if env.RIP != wantRIP || env.Insns != wantInsns {
				t.Errorf("RIP %#x after %d instructions, want %#x after %d", env.RIP, env.Insns, wantRIP, wantInsns)
			}
		})
	}
}

// A hit in the TLB asks nobody; a miss on a crossing access does.
func TestTLB(t *testing.T) {
	b := parse(t, flat64, "--- 0x1000 +1\nld.32 rcx, [rbx]\n--- 0x1001 +1\nrmw.add.32 [rbx], rcx !\n--- 0x1002 +1\nst.16 [rbx + 0x2], rcx\njmp 0x2000")
	m := newMachine()
	m.fillTLB = true
	m.env.GPR[3] = ramBase + 0x20
	binary.LittleEndian.PutUint32(m.ram[0x20:], 0x80000001)
	Run(m.env, m, b)
	m.log = nil
	Run(m.env, m, b)
	if len(m.log) != 0 {
		t.Errorf("second run asked: %v", m.log)
	}
	if got := binary.LittleEndian.Uint32(m.ram[0x20:]); got != 0x00020004 {
		t.Errorf("memory is %#x", got)
	}
	m.env.GPR[3] = ramBase + 0xffe
	m.allowed(ramBase, 0x2000, true, 0)
	Run(m.env, m, b)
	if len(m.log) == 0 {
		t.Error("access across pages asked nobody")
	}
}

// After a store by the Machine or a Sys, ExitReq ends the block before the next instruction.
func TestLeavesAfterStoreOnRequest(t *testing.T) {
	for _, c := range []struct{ first, log string }{
		{"st [0x10000], rax", "write"}, {"rmw.add [0x10000], rax", "probe"}, {"sys 0", "sys"},
		{"vec.66.1.7f xmm1, [0x10010] b16 wr", "sse"},
	} {
		b := parse(t, flat64, "--- 0x1000 +1\n"+c.first+"\n--- 0x1001 +1\nadd rcx, rcx, 0x1\n--- 0x1002 +1\njmp 0x2000")
		m := newMachine()
		m.exit = true
		m.sys = func(*tcg.SysInst) bool { m.env.ExitReq = 1; return true }
		m.env.GPR[1] = 5
		if r := Run(m.env, m, b); r != tcg.ResultNext || m.env.RIP != 0x1001 || m.env.Insns != 1 || m.env.GPR[1] != 5 {
			t.Errorf("%s: result %d, RIP %#x after %d instructions, rcx %d", c.first, r, m.env.RIP, m.env.Insns, m.env.GPR[1])
		}
	}
}

func TestSys(t *testing.T) {
	b := parse(t, flat64, "--- 0x1000 +1\nmov rax, 0x7\nstc !\n--- 0x1001 +1\nsys 0\n--- 0x1002 +1\nadd rcx, rax, 0x1\n--- 0x1003 +1\nsys 1 end")
	m := newMachine()
	n := 0
	m.sys = func(i *tcg.SysInst) bool {
		n++
		switch n {
		case 1:
			if i != &b.Insts[0] || m.env.GPR[0] != 7 || m.env.CC&tcg.CCC == 0 || m.env.RIP != 0x1001 {
				t.Errorf("state at Sys: rax %d, flags %#x, RIP %#x", m.env.GPR[0], m.env.CC, m.env.RIP)
			}
			m.env.GPR[0] = 41
			m.env.CC = tcg.CCZ
		case 2:
			m.env.RIP = 0x7777
		}
		return true
	}
	if r := Run(m.env, m, b); r != tcg.ResultNext || m.env.RIP != 0x7777 || m.env.GPR[1] != 42 || m.env.CC&tcg.CCZ == 0 || m.env.Insns != 4 {
		t.Errorf("result %d, RIP %#x, rcx %d, flags %#x, %d instructions", r, m.env.RIP, m.env.GPR[1], m.env.CC, m.env.Insns)
	}
	m.failAt, m.calls, n, m.env.Insns = 1, 0, 0, 0
	if r := Run(m.env, m, b); r != tcg.ResultFault || m.env.RIP != 0x1003 || m.env.Insns != 3 {
		t.Errorf("failing Sys: result %d, RIP %#x, %d instructions", r, m.env.RIP, m.env.Insns)
	}
}

func TestInterruptFlag(t *testing.T) {
	m := newMachine()
	m.env.IntrPending = 4
	Run(m.env, m, parse(t, flat64, "--- 0x1000 +1\nsti\n--- 0x1001 +1\nstd\njmp 0x2000"))
	if m.env.EFlags != eflagsIF|eflagsDF || m.env.ExitReq != 4 {
		t.Errorf("flags %#x, ExitReq %d", m.env.EFlags, m.env.ExitReq)
	}
	Run(m.env, m, parse(t, flat64, "--- 0x1000 +1\ncli\n--- 0x1001 +1\ncld\njmp 0x2000"))
	if m.env.EFlags != 0 {
		t.Errorf("flags %#x", m.env.EFlags)
	}
}

func TestSystemState(t *testing.T) {
	m := newMachine()
	m.env.EFlags, m.env.CR2, m.env.KernelGS, m.env.SegBase[tcg.SegGS] = 0x3202, 0xffff_8000_1234_5678, 0x1111_2222_3333, 7
	Run(m.env, m, parse(t, flat64, "--- 0x1000 +1\nswapgs\n--- 0x1001 +1\ngetef rax\ngetcr2 rbx\njmp 0x2000"))
	if e := m.env; e.SegBase[tcg.SegGS] != 0x1111_2222_3333 || e.KernelGS != 7 || e.GPR[0] != 0x3202 || e.GPR[3] != 0xffff_8000_1234_5678 {
		t.Errorf("GS %#x, kernel's %#x, RAX %#x, RBX %#x", e.SegBase[tcg.SegGS], e.KernelGS, e.GPR[0], e.GPR[3])
	}
}

func TestEnds(t *testing.T) {
	for _, c := range []struct {
		end  string
		want uint64
	}{
		{"jmp 0x10", 0x10}, {"exit 0x10", 0x10}, {"jmpind rax", 0x112233445566},
		{"jcc.b 0x10, 0x20", 0x10}, {"jcc.ae 0x10, 0x20", 0x20},
		{"jz.32 rcx, 0x10, 0x20", 0x10}, {"jnz.32 rcx, 0x10, 0x20", 0x20}, {"jz rcx, 0x10, 0x20", 0x20}, {"jnz rcx, 0x10, 0x20", 0x10},
	} {
		m := newMachine()
		m.env.GPR[0], m.env.GPR[1] = 0x112233445566, 1<<32
		m.env.CC = tcg.CCC
		if Run(m.env, m, parse(t, flat64, "--- 0x1000 +1\n"+c.end)); m.env.RIP != c.want {
			t.Errorf("%s: RIP %#x", c.end, m.env.RIP)
		}
	}
}

func TestWaits(t *testing.T) {
	for _, c := range []struct {
		op   string
		want bool
	}{
		{"fpu.d9.e8", true}, {"fpu.db.e3", false}, {"fpu.db.e2", false}, {"fpu.df.e0", false}, {"fpu.df.e9", true},
		{"fpu.d9.3c [rax] b2 wr", false}, {"fpu.d9.34 [rax] b28 wr", false}, {"fpu.d9.2c [rax] b2 rd", true},
		{"fpu.dd.34 [rax] b108 wr", false}, {"fpu.dd.3c [rax] b2 wr", false}, {"fpu.dd.24 [rax] b108 rd", true}, {"fpu.d8.04 [rax] b4 rd", true},
	} {
		if got := waits(&parse(t, flat64, "--- 0x1000 +1\n"+c.op+"\njmp 0x1").Ops[1]); got != c.want {
			t.Errorf("%s: waits is %v", c.op, got)
		}
	}
}

// A store that an unmasked x87 exception keeps from happening leaves memory alone, and ES set.
func TestX87Unmasked(t *testing.T) {
	m := newMachine()
	fp := m.env.X87[:]
	binary.LittleEndian.PutUint16(fp[0:], 0x37e) // invalid operation unmasked
	binary.LittleEndian.PutUint16(fp[8:], 0xffff)
	copy(m.ram, "unchanged")
	Run(m.env, m, parse(t, flat64, "--- 0x1000 +1\nfpu.d9.1c [0x10000] b4 wr\njmp 0x2000")) // FSTP m32 of an empty register
	if string(m.ram[:9]) != "unchanged" || fp[4]&0x80 == 0 || m.env.X87OK != 0 {
		t.Errorf("memory %q, status %#x, X87OK %d", m.ram[:9], fp[4], m.env.X87OK)
	}
	Run(m.env, m, parse(t, flat64, "--- 0x1000 +1\nfpu.db.e3\n--- 0x1001 +1\nfpu.d9.1c [0x10000] b4 wr\njmp 0x2000"))
	if got := binary.LittleEndian.Uint32(m.ram); got != 0xffc00000 || m.env.X87OK != 1 {
		t.Errorf("after FNINIT: memory %#x, X87OK %d", got, m.env.X87OK)
	}
}

// PCMPESTRI reads and writes registers that it does not name, and flags.
func TestVecRegisters(t *testing.T) {
	m := newMachine()
	m.env.XMM[1] = tcg.Vec128{0x61, 0}
	m.env.XMM[2] = tcg.Vec128{0x6162, 0}
	m.env.GPR[0], m.env.GPR[2] = 0, 0
	m.env.GPR[1] = 99
	b := parse(t, flat64, "--- 0x1000 +1\nmov rax, 0x1\nmov rdx, 0x2\n--- 0x1001 +1\nvec.66.3.61 xmm1, xmm2 #0x0 !\n--- 0x1002 +1\nadd rbx, rcx, 0x0\njmp 0x2000")
	tcg.Optimise(b, nil)
	if Run(m.env, m, b); m.env.GPR[3] != 1 || m.env.CC&tcg.CCC == 0 {
		t.Errorf("index %d, flags %#x\n%s", m.env.GPR[3], m.env.CC, b)
	}
}

// Locked 8- and 16-bit operands are exchanged within their 32 bits.
func TestLocked(t *testing.T) {
	m := newMachine()
	m.fillTLB = true
	m.allowed(ramBase, ramSize, true, 0)
	for off := uint64(0); off < 8; off++ {
		for _, w := range []string{".8", ".16", ".32", ""} {
			copy(m.ram, strings.Repeat("\xff", 16))
			m.env.GPR[0], m.env.GPR[1] = 1, off
			Run(m.env, m, parse(t, flat64, "--- 0x1000 +1\nrmw.add"+w+" [rcx + 0x10000], rax -> rdx lock !\njmp 0x2000"))
			n := map[string]uint64{".8": 1, ".16": 2, ".32": 4, "": 8}[w]
			for i := range uint64(16) {
				want := byte(0xff)
				if i >= off && i < off+n {
					want = 0
				}
				if m.ram[i] != want {
					t.Fatalf("add%s at %d: memory %x", w, off, m.ram[:16])
				}
			}
		}
	}
}

func TestRunDoesNotAllocate(t *testing.T) {
	m := newMachine()
	m.fillTLB = true
	m.allowed(ramBase, ramSize, true, 0)
	b := parse(t, flat64, "--- 0x1000 +1\nld rcx, [0x10000]\nadd t0, rcx, 0x1 !\n--- 0x1001 +1\nvec.66.1.6f xmm1, [0x10010] b16 rd\n--- 0x1002 +1\nrmw.add [0x10000], rax lock !\njmp 0x2000")
	m.log = make([]string, 0, 1<<16)
	c := Compile(b)
	if n := testing.AllocsPerRun(100, func() {
		m.log = m.log[:0]
		c.Run(m.env, quiet{m}, nil, false)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// quiet is a machine that does not write a log for SSE.
type quiet struct{ *machine }

func (quiet) CheckSSE(bool) bool { return true }
func (quiet) CheckAVX() bool     { return true }
func (quiet) CheckFPU(bool) bool { return true }

func BenchmarkInteger(b *testing.B) {
	m := newMachine()
	m.fillTLB = true
	m.allowed(ramBase, ramSize, true, 0)
	// The loop of a checksum: 9 instructions.
	blk := parse(b, flat64, `--- 0x1000 +4
ldz.32.8 rcx, [rbx + rsi*1]
--- 0x1004 +3
add rax, rax, rcx !
--- 0x1007 +3
mov.32 rdx, rax
--- 0x100a +3
shl.32 rdx, rdx, 0x5 !
--- 0x100d +2
xor.32 rax, rax, rdx !
--- 0x100f +4
st [rbx + rsi*8 + 0x800], rax
--- 0x1013 +4
add.32 rsi, rsi, 0x1 !
--- 0x1017 +6
and.32 rsi, rsi, 0xff !
--- 0x101d +2
jcc.ne 0x1000, 0x101f
`)
	tcg.Optimise(blk, nil)
	m.env.GPR[3] = ramBase
	c := Compile(blk)
	for b.Loop() {
		c.Run(m.env, m, nil, false)
	}
	b.ReportMetric(float64(m.env.Insns)/b.Elapsed().Seconds()/1e6, "Minsn/s")
}
