package main

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"goemu/emu"
	"goemu/tcg"
)

// faulty is a multiboot kernel with a comparison at 0x100022, after which the translator is made to err in the carry, and the options to run it.
func faulty(t *testing.T) []string {
	t.Helper()
	if _, err := emu.ParseAccel("tcg"); err != nil {
		t.Skip("NOT RUN: ", err)
	}
	const base, flags, compare = 0x100000, 1 << 16, 0x100022
	var p []byte
	for _, w := range []uint32{0x1badb002, flags, ^uint32(0x1badb002+flags) + 1, base, base, 0, 0x200000, base + 32} {
		p = binary.LittleEndian.AppendUint32(p, w)
	}
	p = append(p, 0x31, 0xc0, // xor eax, eax
		0x83, 0xf8, 0x07, // cmp eax, 7
		0x66, 0xba, 0x04, 0x06, 0x66, 0xb8, 0x00, 0x20, 0x66, 0xef, 0xf4) // power off
	crossTamper[0] = func(b *tcg.Block) {
		for i := range b.Ops {
			if b.Ops[i].Code != tcg.Insn || b.Ops[i].Imm != compare {
				continue
			}
			for i++; b.Ops[i].Code != tcg.Insn && !b.Ops[i].EndsBlock(); {
				i++
			}
			b.Ops = append(b.Ops[:i:i], append([]tcg.Op{{Code: tcg.Cmc, W: tcg.W64, SetF: true, Seg: tcg.SegNone}}, b.Ops[i:]...)...)
			return
		}
	}
	t.Cleanup(func() { crossTamper[0] = nil })
	return []string{"-m", "16", "-kernel", file(t, "kernel", string(p))}
}

// At a difference the report names the instruction, in words and in JSON, and the reproducer can be run again.
func TestCrosscheckDifferent(t *testing.T) {
	args := faulty(t)
	name := filepath.Join(t.TempDir(), "found.case")
	for _, every := range []string{"insn", "block", "50", "100k", "exit", "port=0x604", "rip=0x100025"} {
		var out bytes.Buffer
		status, err := runCrosscheck(&out, append(args, "--every", every, "--case", name))
		for _, want := range []string{"tcg and interp differ after instruction ", "0x100022:  83 f8 07  cmp eax, 0x7\n", "\n- rflags 0x", "Reproducer: goemu crosscheck --replay " + name} {
			if status != crossDifferent || err != nil || !strings.Contains(out.String(), want) {
				t.Errorf("--every %s: status %d, %v, want %q:\n%s", every, status, err, want, &out)
			}
		}
	}
	if out, status, err := cross(t, "--replay", name); status != crossEqual || err != nil || !strings.Contains(out, "cmp eax, 0x7") {
		t.Errorf("%d, %v:\n%s", status, err, out)
	}

	var out bytes.Buffer
	status, err := runCrosscheck(&out, append(args, "--json", "--case", name))
	var r struct {
		Result, Reproducer string
		NoReproducer       string `json:"no_reproducer"`
		Divergence         struct {
			RIP, Linear, Bytes, IR string
			Registers, Memory      []struct{ Name, A, B string }
			History                []struct{ RIP string }
			Host                   []string
		}
	}
	if e := json.Unmarshal(out.Bytes(), &r); e != nil || status != crossDifferent || err != nil {
		t.Fatalf("status %d, %v, %v\n%s", status, err, e, &out)
	}
	d := &r.Divergence
	if r.Result != "different" || r.Reproducer != name || r.NoReproducer != "" || d.RIP != "0x100022" || d.Linear != d.RIP || d.Bytes != "83 f8 07" ||
		len(d.Registers) != 1 || d.Registers[0].Name != "rflags" || d.Memory == nil || len(d.Memory) != 0 || len(d.History) == 0 || d.IR == "" || len(d.Host) != 2 || d.Host[0] == "" {
		t.Errorf("%s", &out)
	}
}

// A reproducer that cannot be written does not hide the difference.
func TestCrosscheckNoReproducer(t *testing.T) {
	args := faulty(t)
	for _, c := range []struct{ name, why string }{{"/dev/full", "no space left on device"}, {filepath.Join(t.TempDir(), "none", "x"), "no such file or directory"}} {
		var out bytes.Buffer
		if status, err := runCrosscheck(&out, append(args, "--case", c.name)); status != crossDifferent || err != nil ||
			!strings.Contains(out.String(), "\nThere is no reproducer: ") || !strings.Contains(out.String(), c.why) || strings.Contains(out.String(), "--replay") {
			t.Errorf("status %d, %v\n%s", status, err, &out)
		}
		out.Reset()
		var r struct {
			Result, Reproducer string
			NoReproducer       string `json:"no_reproducer"`
		}
		status, err := runCrosscheck(&out, append(args, "--json", "--case", c.name))
		if e := json.Unmarshal(out.Bytes(), &r); e != nil || status != crossDifferent || err != nil || r.Result != "different" || r.Reproducer != "" || !strings.Contains(r.NoReproducer, c.why) {
			t.Errorf("status %d, %v, %v\n%s", status, err, e, &out)
		}
	}
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Error(err)
	}
}

// What could not be run is an object of JSON too.
func TestCrosscheckJSONErrors(t *testing.T) {
	for args, want := range map[string]string{
		"--json --every never":                                  "--every never: want insn",
		"--every never --json":                                  "--every never: want insn",
		"--json --a interp --b interp --from insn=5 --insns 3":  "nothing was compared",
		"--json --a interp --b interp -kernel /nowhere/at/all":  "/nowhere/at/all",
		"--snippet /nowhere/at/all --json --a interp":           "/nowhere/at/all",
		"--replay /nowhere/at/all --json --a native --b interp": "/nowhere/at/all",
	} {
		var out bytes.Buffer
		var r struct{ Result, Error string }
		status, err := runCrosscheck(&out, strings.Fields(args))
		if e := json.Unmarshal(out.Bytes(), &r); status != crossFailed || err != nil || e != nil || r.Result != "error" || !strings.Contains(r.Error, want) {
			t.Errorf("crosscheck %s: status %d, %v, %v, want %q\n%s", args, status, err, e, want, &out)
		}
	}
}
