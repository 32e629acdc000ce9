package difftest

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/arch/x86/x86asm"

	"goemu/decoder"
	"goemu/tcg"
	"goemu/tcg/amd64"
	"goemu/tests/seed"
)

// knob reads a number from the environment.
func knob(t *testing.T, name string, v uint64) uint64 {
	t.Helper()
	if s := os.Getenv(name); s != "" {
		n, err := strconv.ParseUint(s, 0, 64)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	return v
}

// image is the code page: the sequence and INT3 after it.
func image(seq []one) []byte {
	page := make([]byte, codeSize)
	for i := range page {
		page[i] = 0xcc
	}
	n := 0
	for i := range seq {
		n += copy(page[n:], seq[i].code)
	}
	return page
}

// differ compares two outcomes and describes the differences.
func differ(want, got *state, flags uint32) string {
	var b strings.Builder
	if want.Vector != got.Vector {
		fmt.Fprintf(&b, "  vector %d, host %d\n", got.Vector, want.Vector)
	}
	if want.RIP != got.RIP {
		fmt.Fprintf(&b, "  RIP %#x, host %#x\n", got.RIP, want.RIP)
	}
	if d := (want.Flags ^ got.Flags) & flags; d != 0 {
		fmt.Fprintf(&b, "  EFLAGS %#x, host %#x, different %#x\n", got.Flags&flagMask, want.Flags&flagMask, d)
	}
	for i := range want.GPR {
		if want.GPR[i] != got.GPR[i] {
			fmt.Fprintf(&b, "  %s %#x, host %#x\n", tcg.Reg(i), got.GPR[i], want.GPR[i])
		}
	}
	le := binary.LittleEndian
	word := func(name string, off, n int) {
		if w, g := want.FP[off:off+n], got.FP[off:off+n]; string(w) != string(g) {
			fmt.Fprintf(&b, "  %s %x, host %x\n", name, reversed(g), reversed(w))
		}
	}
	word("FCW", 0, 2)
	word("FSW", 2, 2)
	word("FTW", 4, 1)
	word("MXCSR", 24, 4)
	for i := range 8 {
		word(fmt.Sprintf("ST%d", i), 32+16*i, 10)
	}
	for i := range 16 {
		word(fmt.Sprintf("XMM%d", i), 160+16*i, 16)
		if w, g := want.YMMH[16*i:][:16], got.YMMH[16*i:][:16]; !bytes.Equal(w, g) {
			fmt.Fprintf(&b, "  YMM%d above XMM%d %x, host %x\n", i, i, reversed(g), reversed(w))
		}
	}
	lines := 0
	for i := 0; i < dataSize && lines < 8; i += 8 {
		if w, g := le.Uint64(want.Mem[i:]), le.Uint64(got.Mem[i:]); w != g {
			fmt.Fprintf(&b, "  [%#x] %#x, host %#x\n", dataBase+i, g, w)
			lines++
		}
	}
	return b.String()
}

func reversed(p []byte) []byte {
	var r []byte
	for i := range p {
		r = append(r, p[len(p)-1-i])
	}
	return r
}

// text is the listing of a sequence.
func text(seq []one) string {
	var b strings.Builder
	pc := codeStart(seq[0].inst.Mode)
	for i := range seq {
		s := fmt.Sprint(seq[i].inst.Op)
		if x, err := x86asm.Decode(seq[i].code, 16<<seq[i].inst.Mode); err == nil {
			s += "  " + x86asm.IntelSyntax(x, pc, nil)
		}
		fmt.Fprintf(&b, "  %x  % x  %s\n", pc, seq[i].code, s)
		pc += uint64(len(seq[i].code))
	}
	return b.String()
}

// job is one test: which rows, on which engine.
type job struct {
	name string
	mode decoder.Mode
	want func(*decoder.Row) int // weight of a row
	n    int                    // sequences
}

var jobs = []job{
	{"integer64", decoder.Mode64, integer, 3000},
	{"integer32", decoder.Mode32, integer, 2000},
	{"integer16", decoder.Mode16, integer, 2000},
	{"bits64", decoder.Mode64, bits, 3000},
	{"bits32", decoder.Mode32, bits, 1500},
	{"mmx+sse", decoder.Mode64, vector128, 3000},
	{"avx64", decoder.Mode64, avx, 2500},
	{"avx32", decoder.Mode32, avx, 1000},
	{"x87", decoder.Mode64, x87, 2000},
}

func integer(r *decoder.Row) int {
	switch {
	case r.Op < decoder.EMMS && !isX87(r.Op):
		return 1
	}
	return 0
}

// bits is the extensions for bits and long numbers, with a few of the others between them to make and use flags.
func bits(r *decoder.Row) int {
	switch r.Feature {
	case decoder.FeatBMI1, decoder.FeatBMI2, decoder.FeatADX, decoder.FeatLZCNT, decoder.FeatPOPCNT, decoder.FeatMOVBE,
		decoder.FeatCX8, decoder.FeatCX16:
		return 20
	}
	if r.Op == decoder.CRC32 {
		return 20
	}
	return integer(r)
}

func isX87(op decoder.Op) bool { return op >= decoder.F2XM1 && op <= decoder.FYL2XP1 }

func x87(r *decoder.Row) int {
	if isX87(r.Op) {
		return 1
	}
	return 0
}

func vector128(r *decoder.Row) int {
	if r.Op >= decoder.EMMS && r.Op <= decoder.SHA256RNDS2 {
		return 1
	}
	return 0
}

// avx is the SIMD instructions with a VEX prefix, and legacy ones between them, which treat the upper halves in another way.
func avx(r *decoder.Row) int {
	if r.Op >= decoder.VADDPD && r.Op <= decoder.VFNMSUB231SS && strings.HasPrefix(r.Enc, "VEX") {
		return 4
	}
	return vector128(r)
}

// hostLacks tells whether the oracle does not have the instructions of a row.
func hostLacks(r *decoder.Row) bool {
	switch r.Feature {
	case decoder.FeatGFNI:
		return !hostHas("gfni")
	case decoder.FeatVAES:
		return !hostHas("vaes")
	case decoder.FeatVPCLMUL:
		return !hostHas("vpclmulqdq")
	}
	return false
}

// supported tells whether m can run a sequence: all instructions become micro-ops, or there is a CPU for the others.
func supported(m *machine, code []byte, seq []one) bool {
	if _, ok := m.engine.(*processor); ok {
		for i := range seq {
			a := &seq[i].inst.Args
			if a[0].Kind == decoder.KSeg || a[1].Kind == decoder.KSeg {
				return false // selectors depend on the descriptor table
			}
		}
		return true
	}
	n := 0
	for i := range seq {
		m.block = tcg.Block{Ops: m.block.Ops[:0], Insts: m.block.Insts[:0], Key: tcg.Key{RIP: uint64(n), Mode: m.mode}}
		if m.trans.Translate(&m.block, code[n:], 1) != nil || len(m.block.Insts) > 0 {
			return false
		}
		n += len(seq[i].code)
	}
	return true
}

// outcome runs seq from s on the host and on m. skip is set where they cannot be compared.
func outcome(t *testing.T, h *host, m *machine, s *state, seq []one) (diff string, skip bool) {
	t.Helper()
	page := image(seq)
	got, want := *s, *s
	m.run(&got, page)
	if got.Vector == unknown {
		return "", true
	}
	if err := h.run(&want, page); err != nil {
		t.Fatal(err)
	}
	if want.Vector == unknown || amdOnly(seq, &want, &got) {
		return "", true
	}
	flags := comparedFlags(seq)
	if diff = differ(&want, &got, flags); diff != "" {
		return diff, false
	}
	if n, ok := m.engine.(*native); ok {
		n.keep = true
		got = *s
		m.run(&got, page)
		n.keep = false
		if diff = differ(&want, &got, flags); diff != "" {
			return "  with blocks linked:\n" + diff, false
		}
	}
	return "", false
}

// run compares n sequences.
func (j job) run(t *testing.T, m *machine) {
	if strings.HasPrefix(j.name, "avx") && !(hostHas("avx2") && hostHas("fma") && hostHas("f16c")) {
		t.Skip("the host has no AVX2, FMA and F16C")
	}
	h := newHost(t) // per test, as each runs on a goroutine and so a thread of its own
	start := seed.Of(t)
	count := int(knob(t, "GOEMU_DIFF_N", uint64(j.n)))
	g := newGen(start, j.mode, j.want)
	m.mode = modes[j.mode]
	// A row that always becomes Sys is not worth trying again.
	var usable []pattern
	_, exact := m.engine.(*native)
	for _, p := range g.pick {
		if !exact && transcendental(p.row.Op) || hostLacks(p.row) {
			continue
		}
		g1 := *g
		g1.pick = []pattern{p}
		for range 8 {
			if o, ok := g1.insn(codeStart(j.mode)); ok && supported(m, image([]one{o}), []one{o}) {
				usable = append(usable, p)
				break
			}
		}
	}
	g.pick = usable
	skipped, failures, faults := 0, 0, 0
	seen := map[decoder.Op]bool{}
	for i := 0; i < count && failures < 12; i++ {
		seq := g.sequence(1 + g.IntN(5))
		s := g.state()
		if strings.HasPrefix(j.name, "avx") {
			s.AVX = true
			if g.IntN(4) != 0 {
				g.fill(s.YMMH[:])
			}
		}
		if !supported(m, image(seq), seq) {
			skipped++
			continue
		}
		diff, skip := outcome(t, h, m, s, seq)
		if skip {
			skipped++
			continue
		}
		if m.vector != ended {
			faults++
		}
		if diff == "" {
			continue
		}
		// The shortest beginning of the sequence that differs names the instruction.
		k := 1
		for ; k < len(seq); k++ {
			if d, skip := outcome(t, h, m, s, seq[:k]); !skip && d != "" {
				diff = d
				break
			}
		}
		if op := seq[k-1].inst.Op; !seen[op] {
			seen[op] = true
			failures++
			t.Errorf("sequence %d:\n%s%sinitial state:\n%s", i, text(seq[:k]), diff, show(s))
		}
	}
	if n, ok := m.engine.(*native); ok {
		t.Logf("bails without a fault: %v, in %d runs of blocks", n.bails, n.runs)
	}
	t.Logf("%d rows, %d sequences, %d not comparable, %d faulted", len(g.pick), count, skipped, faults)
}

// hostHas tells whether Linux names a feature of the host's CPU.
func hostHas(feature string) bool {
	info, err := os.ReadFile("/proc/cpuinfo")
	return err == nil && bytes.Contains(info, []byte(" "+feature+" "))
}

func show(s *state) string {
	var b strings.Builder
	for i, v := range s.GPR {
		fmt.Fprintf(&b, "  %s=%#x", tcg.Reg(i), v)
	}
	fmt.Fprintf(&b, "  EFLAGS=%#x FS=%#x GS=%#x\n", s.Flags, s.FSBase, s.GSBase)
	fmt.Fprintf(&b, "  FCW=%x FSW=%x FTW=%x MXCSR=%x\n", reversed(s.FP[0:2]), reversed(s.FP[2:4]), s.FP[4], reversed(s.FP[24:28]))
	for i := range 8 {
		fmt.Fprintf(&b, "  ST%d=%x", i, reversed(s.FP[32+16*i:][:10]))
	}
	b.WriteString("\n")
	for i := range 16 {
		fmt.Fprintf(&b, "  YMM%d=%x%x", i, reversed(s.YMMH[16*i:][:16]), reversed(s.FP[160+16*i:][:16]))
	}
	b.WriteString("\n")
	return b.String()
}

func TestInterpreter(t *testing.T) {
	for _, j := range jobs {
		t.Run(j.name, func(t *testing.T) { j.run(t, newMachine(t, new(tcg.Env), interpreter{})) })
	}
}

// TestOptimised compares blocks that went through the optimiser.
func TestOptimised(t *testing.T) {
	for _, j := range jobs {
		t.Run(j.name, func(t *testing.T) { j.run(t, newMachine(t, new(tcg.Env), interpreter{optimise: true})) })
	}
}

func TestNative(t *testing.T) {
	for _, optimise := range []bool{false, true} {
		for _, j := range jobs {
			t.Run(fmt.Sprintf("%s/optimise=%v", j.name, optimise), func(t *testing.T) {
				env, err := amd64.NewEnv()
				if err != nil {
					t.Fatal(err)
				}
				j.run(t, newMachine(t, env, newNative(t, env, optimise)))
			})
		}
	}
}
