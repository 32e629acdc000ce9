package crosscheck

import (
	"bytes"
	"context"
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"goemu/emu"
	"goemu/emu/crosscheck/report"
	"goemu/emu/crosscheck/snippet"
	"goemu/tcg"
)

// base is where the test's guest begins.
const base = 0x100000

// victims are the linear addresses of instructions of the test's guest in which a test has an engine err.
type victims struct{ cmp, store report.Hex }

// guestFile writes a multiboot kernel that runs 200,000 instructions, has a comparison and a store, runs some more and powers off.
func guestFile(t *testing.T) (path string, v victims) {
	le := binary.LittleEndian
	var p []byte
	const flags = 1 << 16
	for _, w := range []uint32{0x1badb002, flags, ^uint32(0x1badb002+flags) + 1, base, base, 0, 0x400000, base + 32} {
		p = le.AppendUint32(p, w)
	}
	code := func(b ...byte) { p = append(p, b...) }
	count := func(n uint32) {
		p = le.AppendUint32(append(p, 0xb9), n) // mov ecx, n
		code(0x49, 0x75, 0xfd)                  // dec ecx; jnz
	}
	count(100_000)
	code(0xb8, 5, 0, 0, 0) // mov eax, 5
	code(0x40)             // inc eax
	v.cmp = base + report.Hex(len(p))
	code(0x83, 0xf8, 7) // cmp eax, 7
	code(0x74, 0xfe)    // jz $
	code(0x19, 0xdb)    // sbb ebx, ebx
	v.store = base + report.Hex(len(p))
	code(0x89, 0x1d, 0, 0, 0x20, 0) // mov [200000h], ebx
	code(0xe6, 0x80)                // out 80h, al
	count(30_000)
	code(0xe6, 0x80)                                                                   // out 80h, al
	code(0x66, 0xba, 0x04, 0x06, 0x66, 0xb8, 0x00, 0x20, 0x66, 0xef, 0xf4, 0xeb, 0xfd) // out 604h, 2000h: power off
	path = filepath.Join(t.TempDir(), "kernel")
	if err := os.WriteFile(path, p, 0o600); err != nil {
		t.Fatal(err)
	}
	return path, v
}

func options(t *testing.T, every string) (*Options, victims) {
	t.Helper()
	path, v := guestFile(t)
	e, err := ParseEvery(every)
	if err != nil {
		t.Fatal(err)
	}
	return &Options{Config: emu.Config{Kernel: path, Memory: 16 << 20, Shift: 3}, A: emu.AccelTCG, B: emu.AccelInterp, Every: e}, v
}

func needTCG(t *testing.T) {
	t.Helper()
	if _, err := emu.ParseAccel("tcg"); err != nil {
		t.Skip("NOT RUN: ", err)
	}
}

// after has fn change the micro-ops of the instruction at an address, of blocks with at least least instructions.
func after(rip report.Hex, least int, fn func(ops []tcg.Op) []tcg.Op) func(b *tcg.Block) {
	return func(b *tcg.Block) {
		for i := range b.Ops {
			if b.Ops[i].Code != tcg.Insn || report.Hex(b.Ops[i].Imm) != rip || b.NInsns < least {
				continue
			}
			end := i + 1
			for b.Ops[end].Code != tcg.Insn && !b.Ops[end].EndsBlock() {
				end++
			}
			own := fn(append([]tcg.Op(nil), b.Ops[i:end]...))
			b.Ops = append(append(append([]tcg.Op(nil), b.Ops[:i]...), own...), b.Ops[end:]...)
			return
		}
	}
}

func flipCarry(ops []tcg.Op) []tcg.Op {
	return append(ops, tcg.Op{Code: tcg.Cmc, W: tcg.W64, SetF: true, Seg: tcg.SegNone})
}

func misplace(ops []tcg.Op) []tcg.Op {
	for i := range ops {
		if ops[i].Code == tcg.St {
			ops[i].Disp += 4
		}
	}
	return ops
}

var granularities = []string{"insn", "block", "100", "5000", "100k", "exit", "port=0x80", "rip=0x100031"}

func TestEqual(t *testing.T) {
	needTCG(t)
	for _, every := range granularities {
		o, _ := options(t, every)
		r, err := Run(context.Background(), o)
		if err != nil {
			t.Fatal(err)
		}
		if r.Divergence != nil {
			t.Errorf("--every %s: %s", every, r.Divergence.Text("tcg", "interp"))
		}
		if r.Insns < 260_000 || r.Compared == 0 {
			t.Errorf("--every %s: %d instructions, %d comparisons", every, r.Insns, r.Compared)
		}
	}
}

// An engine that errs in one flag of one instruction is caught at that instruction, however far apart the comparisons are and whichever engine it is.
func TestFault(t *testing.T) {
	needTCG(t)
	for _, every := range granularities {
		for side, name := range []string{"tcg", "interp"} {
			o, v := options(t, every)
			o.Tamper[side] = after(v.cmp, 1, flipCarry)
			r, err := Run(context.Background(), o)
			if err != nil {
				t.Fatal(err)
			}
			d := r.Divergence
			if d == nil {
				t.Errorf("--every %s, %s: nothing is found", every, name)
				continue
			}
			text := d.Text("tcg", "interp")
			if !d.Found || d.Linear != v.cmp || d.Block || len(d.Registers) != 1 || d.Registers[0].Name != "rflags" || len(d.Memory) != 0 || d.Bytes != "83 f8 07" {
				t.Errorf("--every %s, %s:\n%s", every, name, text)
			}
			for _, want := range []string{"cmp eax, 0x7", "- rflags", "+ rflags", "Before it:", "Micro-ops", "Host code (tcg)"} {
				if !strings.Contains(text, want) {
					t.Errorf("--every %s, %s: the report lacks %q:\n%s", every, name, want, text)
				}
			}
			if every == "block" {
				replay(t, d, o, "cmp eax, 0x7")
			}
			if testing.Verbose() && every == "block" && side == 0 {
				t.Log(text)
			}
		}
	}
}

// replay runs the reproducer. The engines of snippets do not err, and so are equal.
func replay(t *testing.T, d *Divergence, o *Options, want ...string) {
	t.Helper()
	var b bytes.Buffer
	if err := d.Reproducer(&b, o); err != nil {
		t.Error(err)
		return
	}
	text := b.String()
	cases, err := snippet.Parse("reproducer", &b)
	if err != nil || len(cases) != 1 {
		t.Errorf("%v\n%s", err, text)
		return
	}
	var r snippet.Runner
	defer r.Close()
	v := r.Run(cases[0])
	if v.Status != snippet.Equal || v.A != "tcg" || v.B != "interp" || v.EndA != "end" || len(v.Listing) != len(want) || !strings.Contains(text, "\nseen ") {
		t.Errorf("%+v\n%s", v, text)
		return
	}
	for i, w := range want {
		if v.Listing[i].Text != w {
			t.Errorf("%s, want %s", v.Listing[i].Text, w)
		}
	}
}

// Memory is compared too.
func TestFaultInMemory(t *testing.T) {
	needTCG(t)
	for _, every := range granularities {
		o, v := options(t, every)
		o.Tamper[0] = after(v.store, 1, misplace)
		r, err := Run(context.Background(), o)
		if err != nil {
			t.Fatal(err)
		}
		d := r.Divergence
		if d == nil || !d.Found || d.Linear != v.store || len(d.Registers) != 0 || len(d.Memory) != 1 || d.Memory[0].Name != "[0x200000]" {
			t.Errorf("--every %s: %+v", every, d)
		}
	}
}

// A fault that shows only where several instructions are translated together is found too, with the fewest that it needs.
func TestFaultOfBlock(t *testing.T) {
	needTCG(t)
	for _, every := range []string{"block", "100k"} {
		o, v := options(t, every)
		o.Tamper[0] = after(v.cmp, 3, flipCarry)
		r, err := Run(context.Background(), o)
		if err != nil {
			t.Fatal(err)
		}
		if d := r.Divergence; d == nil || !d.Found || !d.Block || d.Linear > v.cmp || d.Linear < v.cmp-9 || !strings.Contains(d.Note, "3 instructions are translated together") {
			t.Errorf("--every %s: %+v", every, d)
		} else {
			replay(t, d, o, "mov eax, 0x5", "inc eax", "cmp eax, 0x7")
		}
	}
}

// What comes before From is not compared; what differs already there is told as that.
func TestFrom(t *testing.T) {
	needTCG(t)
	for _, x := range []struct {
		from string
		want string // none, already, or where
	}{
		{"insn=1000", "there"}, {"insn=200003", "there"}, {"rip=0x100020", "there"}, {"insn=200009", "already"}, {"after-exits=1", "already"},
		{"rip=0xabc", "none"}, {"insn=1G", "none"},
	} {
		for _, every := range []string{"insn", "block", "100k", "exit"} {
			o, v := options(t, every)
			o.Tamper[1] = after(v.cmp, 1, flipCarry)
			var err error
			if o.From, err = ParseFrom(x.from); err != nil {
				t.Fatal(err)
			}
			r, err := Run(context.Background(), o)
			if err != nil && x.want == "none" && strings.Contains(err.Error(), "nothing was compared: the machines ended after ") {
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			got := "none"
			if d := r.Divergence; d != nil && d.Found && d.Linear == v.cmp {
				got = "there"
			} else if d != nil && strings.Contains(d.Note, "where the comparison begins") {
				got = "already"
			} else if d != nil {
				got = d.Text("tcg", "interp")
			}
			if got != x.want {
				t.Errorf("--from %s --every %s: %s, want %s", x.from, every, got, x.want)
			}
		}
	}
}

func TestCancel(t *testing.T) {
	needTCG(t)
	o, _ := options(t, "block")
	ctx, cancel := context.WithCancel(context.Background())
	o.Progress = func(int64) { cancel() }
	if _, err := Run(ctx, o); err != context.Canceled {
		t.Errorf("%v", err)
	}
}

// What machines warn of is told once.
func TestWarn(t *testing.T) {
	o, _ := options(t, "block")
	o.A, o.Config.CPU, o.Insns = emu.AccelInterp, "Haswell", 100
	var got []string
	o.Warn = func(line string) { got = append(got, line) }
	if _, err := Run(context.Background(), o); err != nil || len(got) != 1 || !strings.HasPrefix(got[0], "-cpu Haswell: left out, as goemu does not have them: ") {
		t.Errorf("%v, %q", err, got)
	}
}

func TestBadText(t *testing.T) {
	for _, s := range []string{"", "0", "-1", "insns", "port=", "port=65536", "rip=", "rip=main", "x=1", "1T", "99999999999G"} {
		if _, err := ParseEvery(s); err == nil {
			t.Errorf("--every %s is taken", s)
		}
	}
	for _, s := range []string{"", "5", "insn=", "insn=-1", "rip=", "rip=x", "after-exits=", "block=1"} {
		if _, err := ParseFrom(s); err == nil {
			t.Errorf("--from %s is taken", s)
		}
	}
}

// FuzzText reads values of --every, --from and --insns: nothing crashes, and what is taken can be used.
func FuzzText(f *testing.F) {
	for _, s := range []string{"insn", "100k", "port=0x80", "rip=0x100020", "insn=5", "after-exits=1G", "rip=-1", "0x10M"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if e, err := ParseEvery(s); err == nil && (e.interval() < 1 || e.most() < 1 || e.kind == everyPort && e.addr > 0xffff) {
			t.Errorf("--every %q: %+v", s, e)
		}
		if from, err := ParseFrom(s); err == nil && from.n < 0 {
			t.Errorf("--from %q: %+v", s, from)
		}
		if n, err := ParseCount(s); err == nil && n < 0 {
			t.Errorf("--insns %q: %d", s, n)
		}
	})
}
