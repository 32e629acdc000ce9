package rows

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"goemu/decoder"
	"goemu/emu/translate"
	"goemu/emu/x86"
	"goemu/mmu"
	"goemu/tcg"
)

// writeRecord writes what tests/coverage reads. Of rows that want does not match it keeps what path has. There is a line a row, with tabs between
//
//	mnemonic, encoding and operands as in decoder.Row
//	cases in 64-, 32- and 16-bit code
//	how many of them raised an exception on the host
//	what the engines make of it: see how
//	"host", or why the row did not run there
func writeRecord(t *testing.T, path string, n int, want *regexp.Regexp, results *[3][]*result) {
	t.Helper()
	old := map[string]string{}
	if text, err := os.ReadFile(path); err == nil {
		for line := range strings.Lines(string(text)) {
			if f := strings.Split(line, "\t"); len(f) > 3 {
				old[strings.Join(f[:3], "\t")] = line
			}
		}
	}
	var b strings.Builder
	fmt.Fprintf(&b, "# Written by TestRows of tests/difftest/rows (make difftest). What goemu's engines and the host agreed on.\n")
	fmt.Fprintf(&b, "# cases\t%d\n# date\t%s\n# host\t%s\n", n, time.Now().UTC().Format(time.DateOnly), hostName())
	r := rng{rand.New(rand.NewPCG(1, 1))}
	rows := decoder.Rows()
	for i := range rows {
		row := &rows[i]
		if !want.MatchString(rowName(row)) {
			b.WriteString(old[fmt.Sprintf("%v\t%s\t%s", row.Op, row.Enc, row.Args)])
			continue
		}
		var num [3]int
		faults, total, hostUD, engineUD, diffs := 0, 0, 0, 0, 0
		for mode, res := range [3]*result{results[0][i], results[1][i], results[2][i]} {
			if res != nil {
				num[mode] = res.cases
				total += res.cases
				faults += res.faults
				hostUD += res.hostUD
				engineUD += max(res.engineUD[0], res.engineUD[1])
				diffs += max(res.diffs[0], res.diffs[1])
			}
		}
		f, ok := parseForm(i)
		engine, host := "none", "host"
		if ok {
			engine = how(r, &f)
		}
		undefined := row.Op == decoder.UD0 || row.Op == decoder.UD1 || row.Op == decoder.UD2
		switch {
		case !ok:
			host = "the host has no AVX-512"
		case exclude(&f) != "":
			host = exclude(&f)
		case hostUD == total && !undefined && engineUD == total:
			host = "undefined for a user, on goemu too"
		case hostUD == total && !undefined:
			host = "the host has no " + row.Feature.String()
		case engineUD == total && !undefined:
			engine, host = "none", "goemu does not do it"
		case diffs > 0:
			host = fmt.Sprintf("differs from the host in %d of %d cases", diffs, total)
		}
		fmt.Fprintf(&b, "%v\t%s\t%s\t%d\t%d\t%d\t%d\t%s\t%s\n", row.Op, row.Enc, row.Args, num[decoder.Mode64], num[decoder.Mode32], num[decoder.Mode16], faults, engine, host)
	}
	if err := os.WriteFile(path, []byte(b.String()), 0o666); err != nil {
		t.Fatal(err)
	}
}

// hostName is the host's CPU as it names itself.
func hostName() string {
	f, err := os.Open("/proc/cpuinfo")
	if err != nil {
		return "unknown"
	}
	defer f.Close()
	var family, model, name string
	for s := bufio.NewScanner(f); s.Scan(); {
		key, v, _ := strings.Cut(s.Text(), ":")
		switch v = strings.TrimSpace(v); strings.TrimSpace(key) {
		case "cpu family":
			family = v
		case "model":
			model = v
		case "model name":
			name = v
		case "":
			return fmt.Sprintf("%s, family %s, model %s", name, family, model)
		}
	}
	return name
}

// how tells what the translator makes of a row: "code", micro-ops, which the native engine turns into host code; "Go", one
// call of package x86, on both engines; "both", by form; "none", undefined.
func how(r rng, f *form) string {
	const user = tcg.ModeProt | tcg.ModeFlat | 3<<tcg.ModeCPLShift | mmu.IndexUser<<tcg.ModeIndexShift
	modes := [...]tcg.Mode{decoder.Mode16: tcg.ModeCode16 | user&^tcg.ModeFlat, decoder.Mode32: tcg.ModeCode32 | tcg.ModeStack32 | user, decoder.Mode64: tcg.ModeCode64 | user}
	tr := translate.New()
	counts := map[string]int{}
	for mode := decoder.Mode16; mode <= decoder.Mode64; mode++ {
		for range 40 {
			in, ok := f.encode(r, mode, codeStart(mode))
			if !ok || mode == decoder.Mode64 && !f.row.Valid64() || mode != decoder.Mode64 && !f.row.Valid32() {
				continue
			}
			b := tcg.Block{Key: tcg.Key{RIP: in.rip, Mode: modes[mode]}}
			code := append(in.code[:len(in.code):len(in.code)], make([]byte, 32)...)
			if err := tr.Translate(&b, code, 1); err != nil {
				continue
			}
			kind := "code"
			for _, s := range b.Insts {
				kind = "Go"
				if s.Op == decoder.Invalid || !x86.Implemented(s.Op) {
					kind = "none"
				}
			}
			counts[kind]++
		}
	}
	switch {
	case counts["code"] > 0 && counts["Go"] > 0:
		return "both"
	case counts["code"] > 0:
		return "code"
	case counts["Go"] > 0:
		return "Go"
	}
	return "none"
}
