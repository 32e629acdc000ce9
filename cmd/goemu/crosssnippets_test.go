package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// cross runs crosscheck with arguments.
func cross(t *testing.T, args ...string) (out string, status int, err error) {
	t.Helper()
	var b bytes.Buffer
	status, err = crosscheckMain(&b, args)
	return b.String(), status, err
}

func file(t *testing.T, name, text string) string {
	t.Helper()
	name = filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestSnippets(t *testing.T) {
	hex := file(t, "s.hex", "40 # inc ax\nf7 f1\n")
	saved := filepath.Join(t.TempDir(), "saved.case")
	out, status, err := cross(t, "--snippet", hex, "--a", "interp", "--mode", "16", "--reg=rax=0xffff", "--save", saved, "-cpu", "qemu64")
	if err != nil || status != crossEqual || !strings.Contains(out, "  rax  0xffff -> 0x0\n") || !strings.Contains(out, "2 cases: 2 as expected, 0 not, 0 could not be run") ||
		!strings.Contains(out, ":2: interp and interp are equal, both raise #DE") {
		t.Errorf("%d %v\n%s", status, err, out)
	}
	// The same from what was saved, and a case that is not as expected.
	wrong := file(t, "wrong.case", "mode 16\ncode 40\nexpect rax 5\nengines interp interp\n")
	out, status, err = cross(t, "--a=interp", "--json", "--replay", saved, wrong)
	var r struct {
		Result string
		Cases  []struct {
			Status     string
			Expected   bool
			Unexpected []struct{ Name, A, B string }
		}
	}
	if err != nil || status != crossDifferent || json.Unmarshal([]byte(out), &r) != nil {
		t.Fatalf("%d %v\n%s", status, err, out)
	}
	if r.Result != "different" || len(r.Cases) != 3 || !r.Cases[1].Expected || r.Cases[2].Expected || r.Cases[2].Status != "equal" || r.Cases[2].Unexpected[0].B != "0x1" {
		t.Errorf("%s", out)
	}
	mine := file(t, "mine.txt", "inc : rax\n")
	for _, args := range [][]string{{"--undefined", mine}, {"--undefined=none", "--undefined", mine}} {
		if out, status, err := cross(t, append(args, "--snippet", hex, "--a", "interp", "--mode", "16")...); err != nil || status != crossEqual {
			t.Errorf("%q: %d %v\n%s", args, status, err, out)
		}
	}
	endless := file(t, "endless.hex", "eb fe\n")
	if out, status, err = cross(t, "--snippet", endless, "--a", "interp"); err != nil || status != crossFailed || !strings.Contains(out, "could not run: the snippet does not end") {
		t.Errorf("%d %v\n%s", status, err, out)
	}
}

func TestSnippetErrors(t *testing.T) {
	hex, bad := file(t, "s.hex", "40\n"), file(t, "bad.txt", "inc\n")
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"--snippet", hex, "--mode", "48"}, "--mode 48: want one of 16, 32, 64"},
		{[]string{"--snippet", hex, "--ring", "4"}, "--ring 4: want 0, 1, 2 or 3"},
		{[]string{"--snippet", hex, "--format", "elf"}, "--format elf: want one of auto, hex, bin, asm"},
		{[]string{"--snippet", hex, "--reg", "rax"}, "--reg rax: want NAME=VALUE"},
		{[]string{"--snippet", hex, "--reg", "rbz=1"}, "there is no register rbz"},
		{[]string{"--snippet", hex, "--reg", "eax=1"}, "there is no register eax (did you mean rax,"},
		{[]string{"--snippet", hex, "-cpu"}, "-cpu needs a value: MODEL"},
		{[]string{"--snippet", "-", "--replay", "-"}, "-: standard input can be read once"},
		{[]string{"--snippet", hex, "--save", "/dev/full"}, "write /dev/full: no space left on device"},
		{[]string{"--snippet", hex, "--undefined", bad}, "--undefined " + bad + ":1: want INSTRUCTION"},
		{[]string{"--snippet", hex, "--every", "insn"}, "--every is for machines"},
		{[]string{"--snippet", hex, "-m", "64"}, "-m: not with --snippet and --replay"},
		{[]string{"--snippet", hex, "-cpu", "z80"}, "z80"},
		{[]string{"--snippet", hex, "--a", "bochs"}, "bochs"},
		{[]string{"--snippet", filepath.Join(t.TempDir(), "none")}, "none: no such file"},
		{[]string{"--replay", hex}, "s.hex:1: \"40\" is no keyword of case files"},
		{[]string{"--mode", "16"}, "--mode is for snippets only"},
		{[]string{"--a", "native"}, "engine native: only with --snippet and --replay"},
	} {
		if out, status, err := cross(t, c.args...); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %d %v, want %q\n%s", c.args, status, err, c.want, out)
		}
	}
}
