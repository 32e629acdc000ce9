package rows

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/arch/x86/x86asm"

	"goemu/decoder"
	"goemu/tcg"
	"goemu/tests/seed"
)

const (
	slotSize = 32 // of an instruction in the code pages, INT3 after it
	numSlots = codeSize / slotSize

	// statesPerInsn is how many states an instruction runs from.
	statesPerInsn = 16
)

// engines are compared with the host.
var engines = []struct {
	name   string
	native bool
}{{"interp", false}, {"native", true}}

// result is what is known about a row in one mode.
type result struct {
	cases    int
	faults   int
	hostUD   int         // cases that the host does not know
	engineUD [2]int      // ... an engine does not know
	diffs    [2]int      // cases that differ
	report   [2][]string // the first few
}

// item is one case of a batch.
type item struct {
	in     *insn
	res    *result
	before record
}

// bench runs batches in one mode.
type bench struct {
	t        *testing.T
	r        rng
	mode     decoder.Mode
	child    *child
	machines []*machine
	code     []byte
	data     []byte
	items    []item
	slots    int
	got      [2][]record
	hostOut  []record
	total    int
	blamed   int // searches for a store beside the window
	hostTime time.Duration
	engTime  [2]time.Duration
}

func newBench(t *testing.T, mode decoder.Mode) *bench {
	t.Helper()
	b := &bench{t: t, mode: mode, child: newChild(t), r: rng{rand.New(rand.NewPCG(seed.Of(t), uint64(mode)))}}
	for _, e := range engines {
		b.machines = append(b.machines, newMachine(t, e.name, e.native, mode))
	}
	b.code, b.data = make([]byte, codeSize), make([]byte, dataSize)
	b.got = [2][]record{make([]record, numCases), make([]record, numCases)}
	b.hostOut = make([]record, numCases)
	return b
}

// mayCircle tells whether in takes a branch target from memory that is not all of the case: it may be that of an instruction in the code.
func mayCircle(in *insn, c *record) bool {
	switch in.Op {
	case decoder.RET:
		return c.WindowLen < 4
	case decoder.JMP, decoder.CALL:
		return in.hasMem() && c.WindowLen < uint64(in.memSize())
	}
	return false
}

// add puts n cases of a form into the batch, and runs it when it is full. It gives up where no instruction can be made.
func (b *bench) add(f *form, n int, res *result) {
	for tries := 0; n > 0 && tries < 1000; {
		if b.slots == numSlots || len(b.items) == numCases {
			b.flush()
		}
		in, ok := f.encode(b.r, b.mode, codeStart(b.mode)+uint64(b.slots*slotSize))
		if !ok {
			tries++
			continue
		}
		copy(b.code[b.slots*slotSize:], in.code)
		for i := len(in.code); i < slotSize; i++ {
			b.code[b.slots*slotSize+i] = 0xcc
		}
		b.slots++
		for range min(n, statesPerInsn, numCases-len(b.items)) {
			b.items = append(b.items, item{in: &in, res: res})
			b.r.state(&in, b.mode, &b.child.template, &b.items[len(b.items)-1].before)
			if b.mode == decoder.Mode16 && mayCircle(&in, &b.items[len(b.items)-1].before) {
				b.items = b.items[:len(b.items)-1]
				tries++
				continue
			}
			n--
		}
	}
}

// flush runs the batch and compares.
func (b *bench) flush() {
	n := len(b.items)
	if n == 0 {
		return
	}
	for i := b.slots * slotSize; i < codeSize; i++ {
		b.code[i] = 0xcc
	}
	for at := 0; at < dataSize; at += 64 {
		p := b.data[at:][:64]
		switch b.r.IntN(3) {
		case 0:
			clear(p)
		case 1:
			b.r.fill(p, b.r.IntN(numKinds))
		default:
			b.r.fill(p[:8], kindInt)
			for o := 8; o < 64; o += 8 {
				copy(p[o:], p[:8])
			}
		}
	}
	start := time.Now()
	b.runHost(0, n)
	b.hostTime += time.Since(start)
	for e, m := range b.machines {
		start := time.Now()
		m.setCode(b.code, b.data)
		for i := range b.items {
			b.got[e][i] = b.items[i].before
			if !m.run(&b.got[e][i]) {
				b.t.Fatalf("%s stopped in % x", m.name, b.items[i].in.code)
			}
		}
		b.engTime[e] += time.Since(start)
	}
	for i := range b.items {
		b.compare(i)
	}
	for e, m := range b.machines {
		if !m.sameData(b.child.data()) && b.blamed < 10 {
			b.blamed++
			b.blame(e, m)
		}
	}
	b.total += n
	b.items, b.slots = b.items[:0], 0
}

// runHost runs cases of the batch on the host.
func (b *bench) runHost(first, last int) {
	copy(b.child.code(), b.code)
	copy(b.child.data(), b.data)
	rec := b.child.records(last - first)
	for i := range rec {
		*rec[i] = b.items[first+i].before
	}
	if err := b.child.run(len(rec)); err != nil {
		b.t.Fatalf("host: %v\n% x", err, b.items[first].in.code)
	}
	for i := range rec {
		b.hostOut[first+i] = *rec[i]
	}
}

// blame finds the case after which memory beside its window differs.
func (b *bench) blame(e int, m *machine) {
	for i := range b.items {
		b.runHost(i, i+1)
		m.setCode(b.code, b.data)
		r := b.items[i].before
		m.run(&r)
		if !m.sameData(b.child.data()) {
			var s strings.Builder
			for o := 0; o < dataSize; o += 8 {
				w, g := binary.LittleEndian.Uint64(b.child.data()[o:]), binary.LittleEndian.Uint64(m.data()[o:])
				if w != g {
					fmt.Fprintf(&s, "  [%#x] %#x, host %#x\n", dataBase+o, g, w)
				}
			}
			b.note(e, i, s.String())
		}
	}
}

// note counts a difference of engine e in case i.
func (b *bench) note(e, i int, diff string) {
	it := &b.items[i]
	it.res.diffs[e]++
	if len(it.res.report[e]) < 2 {
		it.res.report[e] = append(it.res.report[e], fmt.Sprintf("%s\n%s%s", b.text(it.in), diff, show(&it.before)))
	}
}

// compare compares case i on all engines.
func (b *bench) compare(i int) {
	it := &b.items[i]
	want := &b.hostOut[i]
	if b.mode == decoder.Mode16 {
		want.SP = uint64(uint32(want.SP)) // above is what Linux needed to load ESP with a 16-bit stack segment
	}
	normalise(it.in, want)
	for e := range b.machines {
		got := &b.got[e][i]
		normalise(it.in, got)
		if incomparable(it.in, &it.before, want, got) {
			return
		}
	}
	it.res.cases++
	if want.Trap != 3 {
		it.res.faults++
	}
	if want.Trap == tcg.VectorUD {
		it.res.hostUD++
	}
	for e := range b.machines {
		got := &b.got[e][i]
		if got.Trap == tcg.VectorUD {
			it.res.engineUD[e]++
		}
		if same(it.in, want, got, engines[e].native) {
			continue
		}
		if d := differ(it.in, want, got, engines[e].native); d != "" {
			b.note(e, i, d)
		}
	}
}

// normalise takes away what cannot be compared.
func normalise(in *insn, r *record) {
	for i, s := range r.Seg {
		if s < 4 {
			r.Seg[i] = 0 // the host's kernel returns to the handler by IRET, which clears the RPL of null selectors
		}
	}
	if in.Op == decoder.LAR && r.Flags&zf != 0 && in.Args[0].Reg < 16 {
		*r.gpr(int(in.Args[0].Reg)) &^= 0xf0000 // undefined: AMD's processors have the limit there
	}
}

// userTop is where Linux does not tell any more whether a page is there.
const userTop = 0x7ffffffff000

// same is a quick test for what differ describes: it finds most equal outcomes equal.
func same(in *insn, w, g *record, native bool) bool {
	if *(*[17]uint64)(unsafe.Pointer(w)) != *(*[17]uint64)(unsafe.Pointer(g)) || w.Trap != g.Trap || w.CS != g.CS || w.SS != g.SS ||
		(w.Flags^g.Flags)&flagsCompared&^undefinedFlags(&in.Inst, native, w.Trap != 3) != 0 || w.Seg != g.Seg || w.FSBase != g.FSBase || w.GSBase != g.GSBase {
		return false
	}
	if hasCode(w.Trap) && (w.Err != g.Err || w.Trap == tcg.VectorPF && w.CR2 != g.CR2) {
		return false
	}
	equal := func(from, to int) bool { return string(w.FP[from:to]) == string(g.FP[from:to]) }
	for i := range 8 {
		if !equal(32+16*i, 42+16*i) {
			return false
		}
	}
	return equal(0, 5) && equal(24, 28) && equal(160, 416) && equal(576, 832) && string(w.Mem[:w.WindowLen]) == string(g.Mem[:w.WindowLen])
}

// flagsCompared are the bits of EFLAGS that are compared.
const flagsCompared = 0x3f7fd5

// differ compares two outcomes and describes the differences.
func differ(in *insn, want, got *record, native bool) string {
	var b []byte
	add := func(format string, args ...any) { b = fmt.Appendf(b, "  "+format+"\n", args...) }
	if want.Trap != got.Trap {
		add("vector %d, host %d", got.Trap, want.Trap)
	} else {
		if want.Err != got.Err && hasCode(want.Trap) && (want.Trap != tcg.VectorPF || want.CR2 < userTop) {
			add("error code %#x, host %#x", got.Err, want.Err)
		}
		if want.Trap == tcg.VectorPF && want.CR2 != got.CR2 {
			add("CR2 %#x, host %#x", got.CR2, want.CR2)
		}
	}
	if want.IP != got.IP {
		add("RIP %#x, host %#x", got.IP, want.IP)
	}
	if want.CS != got.CS || want.SS != got.SS {
		add("CS:SS %#x:%#x, host %#x:%#x", got.CS, got.SS, want.CS, want.SS)
	}
	if d := (want.Flags ^ got.Flags) & flagsCompared &^ undefinedFlags(&in.Inst, native, want.Trap != 3); d != 0 {
		add("EFLAGS %#x, host %#x, different %#x", got.Flags, want.Flags, d)
	}
	for i := range 16 {
		if w, g := *want.gpr(i), *got.gpr(i); w != g {
			add("%s %#x, host %#x", tcg.Reg(i), g, w)
		}
	}
	if want.Seg != got.Seg || want.FSBase != got.FSBase || want.GSBase != got.GSBase {
		add("segments %x %x %x, host %x %x %x", got.Seg, got.FSBase, got.GSBase, want.Seg, want.FSBase, want.GSBase)
	}
	word := func(name string, n, off, size int) {
		if w, g := want.FP[off:off+size], got.FP[off:off+size]; string(w) != string(g) {
			add("%s%d %x, host %x", name, n, reversed(g), reversed(w))
		}
	}
	word("FCW", 0, 0, 2)
	if !transcendental(in.Op) {
		word("FSW", 0, 2, 2)
	} else if fcw, w, g := binary.LittleEndian.Uint16(want.FP[0:]), binary.LittleEndian.Uint16(want.FP[2:]), binary.LittleEndian.Uint16(got.FP[2:]); (w^g)&^(c1|precision|summary&-(^fcw>>5&1)) != 0 {
		add("FSW %04x, host %04x", g, w)
	}
	word("FTW", 0, 4, 1)
	word("MXCSR", 0, 24, 4)
	for i := range 8 {
		if !transcendental(in.Op) || !near(want.FP[32+16*i:], got.FP[32+16*i:]) {
			word("ST", i, 32+16*i, 10)
		}
	}
	for i := range 16 {
		word("XMM", i, 160+16*i, 16)
		word("YMMH", i, 576+16*i, 16)
	}
	if n := want.WindowLen; string(want.Mem[:n]) != string(got.Mem[:n]) {
		add("[%#x] %x\n    host %x", want.Window, got.Mem[:n], want.Mem[:n])
	}
	return string(b)
}

// Bits of the x87 status word that tell how a result was rounded.
const (
	precision = 0x20
	c1        = 0x200
	summary   = 0x8080 // an unmasked exception, such as that
)

// near tells whether two double extended values differ by no more than a few units in the last place.
func near(w, g []byte) bool {
	const units = 4
	le := binary.LittleEndian
	if le.Uint16(w[8:])&0x8000 != le.Uint16(g[8:])&0x8000 {
		return false
	}
	// As one number of 79 bits, so that a carry into the exponent counts as one unit.
	exp := int(le.Uint16(w[8:])&0x7fff) - int(le.Uint16(g[8:])&0x7fff)
	d := int64(le.Uint64(w)<<1>>1) - int64(le.Uint64(g)<<1>>1)
	switch exp {
	case 1:
		d += math.MaxInt64
	case -1:
		d -= math.MaxInt64
	case 0:
	default:
		return false
	}
	return d >= -units && d <= units
}

func hasCode(vector uint64) bool { return vector == 8 || vector >= 10 && vector <= 14 || vector == 17 }

func reversed(p []byte) []byte {
	var r []byte
	for i := range p {
		r = append(r, p[len(p)-1-i])
	}
	return r
}

// text is the listing of an instruction.
func (b *bench) text(in *insn) string {
	s := fmt.Sprintf("  %d-bit % x  %v", 16<<b.mode, in.code, in.Op)
	if x, err := x86asm.Decode(in.code, 16<<b.mode); err == nil {
		s += "  " + x86asm.IntelSyntax(x, in.rip, nil)
	}
	return s
}

func show(c *record) string {
	var b strings.Builder
	b.WriteString("  from:")
	for i := range 16 {
		fmt.Fprintf(&b, " %s=%#x", tcg.Reg(i), *c.gpr(i))
	}
	fmt.Fprintf(&b, " EFLAGS=%#x\n    FCW=%x FSW=%x FTW=%x MXCSR=%x [%#x]=%x\n   ", c.Flags, reversed(c.FP[0:2]), reversed(c.FP[2:4]), c.FP[4], reversed(c.FP[24:28]), c.Window, c.Mem[:c.WindowLen])
	for i := range 8 {
		fmt.Fprintf(&b, " ST%d=%x", i, reversed(c.FP[32+16*i:][:10]))
	}
	b.WriteString("\n   ")
	for i := range 16 {
		fmt.Fprintf(&b, " YMM%d=%x_%x", i, reversed(c.FP[576+16*i:][:16]), reversed(c.FP[160+16*i:][:16]))
	}
	b.WriteString("\n")
	return b.String()
}

// rowName names a row in tests and in the record.
func rowName(r *decoder.Row) string { return fmt.Sprintf("%v %s %s", r.Op, r.Enc, r.Args) }

// cases is the number of cases a row, in 64-bit code; the other modes have a quarter of it where a row exists in both.
func cases(t *testing.T) int {
	n := 200
	if s := os.Getenv("GOEMU_ROW_CASES"); s != "" {
		var err error
		if n, err = strconv.Atoi(s); err != nil {
			t.Fatalf("GOEMU_ROW_CASES: %v", err)
		}
	}
	return n
}

// engineLacks tells whether goemu does not do a row at all.
func engineLacks(i int) bool {
	f, ok := parseForm(i)
	return !ok || how(rng{rand.New(rand.NewPCG(1, 1))}, &f) == "none"
}

// testModes are the modes in the order in which they are run.
var testModes = []decoder.Mode{decoder.Mode64, decoder.Mode32, decoder.Mode16}

// TestRows compares all rows.
func TestRows(t *testing.T) {
	n := cases(t)
	want := regexp.MustCompile(os.Getenv("GOEMU_ROWS"))
	var results [3][]*result
	for _, mode := range testModes {
		results[mode] = runMode(t, mode, n, want)
	}
	summarise(t, n, &results)
	if path := os.Getenv("GOEMU_ROWS_RECORD"); path != "" {
		writeRecord(t, path, n, want, &results)
	}
}

// runMode runs n cases, or a quarter of that, of all rows that a mode has and that want matches.
func runMode(t *testing.T, mode decoder.Mode, n int, want *regexp.Regexp) []*result {
	t.Helper()
	const first = 100 // cases that show whether the host has a row at all
	rows := decoder.Rows()
	results := make([]*result, len(rows))
	b := newBench(t, mode)
	start := time.Now()
	for i := range rows {
		row := &rows[i]
		f, ok := parseForm(i)
		long := mode == decoder.Mode64
		if !ok || exclude(&f) != "" || long && !row.Valid64() || !long && !row.Valid32() || !want.MatchString(rowName(row)) {
			continue
		}
		res := &result{}
		results[i] = res
		num := n
		if !long && row.Valid64() {
			num = n / 4
		}
		b.add(&f, min(num, first), res)
		if num <= first {
			continue
		}
		if n > 10*first {
			b.flush()
		}
		if res.cases == 0 || res.hostUD < res.cases {
			b.add(&f, num-first, res)
		}
	}
	b.flush()
	t.Logf("%d-bit: %d cases in %v: host %v, interpreter %v, native %v", 16<<mode, b.total, time.Since(start).Round(time.Millisecond),
		b.hostTime.Round(time.Millisecond), b.engTime[0].Round(time.Millisecond), b.engTime[1].Round(time.Millisecond))
	return results
}

// summarise reports the differences and the totals.
func summarise(t *testing.T, n int, results *[3][]*result) {
	t.Helper()
	const maxReports = 100
	rows := decoder.Rows()
	failed, compared, few, faults := 0, 0, 0, 0
	why := map[string]int{}
	for i := range rows {
		total := 0
		for _, mode := range testModes {
			res := results[mode][i]
			if res == nil {
				continue
			}
			total += res.cases
			faults += res.faults
			for e := range engines {
				if res.diffs[e] == 0 || res.hostUD == res.cases || res.engineUD[e] == res.cases && engineLacks(i) {
					continue // they agree, or one of them does not have it
				}
				if failed++; failed <= maxReports {
					t.Errorf("%s on %s: %d of %d cases differ\n%s", rowName(&rows[i]), engines[e].name, res.diffs[e], res.cases, strings.Join(res.report[e], "\n"))
				}
			}
		}
		compared += total
		if f, ok := parseForm(i); total < n {
			few++
			switch {
			case !ok:
				why["the host has no AVX-512"]++
			case exclude(&f) != "":
				why[exclude(&f)]++
			case total > 0:
				why["undefined on the host, or many cases that cannot be compared"]++
			default:
				why["not asked for"]++
			}
		}
	}
	t.Logf("%d rows, %d cases of which %d raised an exception; %d rows with less than %d cases; %d rows differ", len(rows), compared, faults, few, n, failed)
	for reason, n := range why {
		t.Logf("  %d rows: %s", n, reason)
	}
}
