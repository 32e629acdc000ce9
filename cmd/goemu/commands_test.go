package main

import (
	"bytes"
	"io"
	"os"
	"regexp"
	"strings"
	"testing"
)

func TestImg(t *testing.T) {
	t.Chdir(t.TempDir())
	run1(t, "img", "create", "-f", "raw", "a.img", "10M")
	run1(t, "img", "create", "b.img", "1000")
	if st, err := os.Stat("a.img"); err != nil || st.Size() != 10<<20 {
		t.Fatalf("a.img: %v, %v", st, err)
	}
	if got := run1(t, "img", "info", "a.img"); !strings.Contains(got, "file format: raw\nvirtual size: 10 MiB (10485760 bytes)\n") {
		t.Errorf("info: %s", got)
	}
	if got := run1(t, "img", "info", "b.img"); !strings.Contains(got, "(1024 bytes)") {
		t.Errorf("info: %s", got)
	}
	if err := os.WriteFile("a.img", []byte("precious"), 0o666); err != nil {
		t.Fatal(err)
	}
	if got := run1(t, "img", "info", "a.img"); !strings.Contains(got, "8 B (8 bytes)") || !strings.Contains(got, "not whole sectors") {
		t.Errorf("info: %s", got)
	}
	for args, want := range map[string]string{
		"create a.img 1M":         "there already",
		"create c.img lots":       `"lots" is not a size`,
		"create c.img 0":          "no sectors",
		"create -f qcow2 c.img 1": "raw images alone",
		"create none/c.img 1M":    "no such file",
		"info none":               "no such file",
		"info .":                  "neither a regular file",
		"info /dev/null":          "neither a regular file",
		"shrink a.img":            "want create FILE SIZE",
	} {
		if _, err := runImg(io.Discard, strings.Fields(args)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("img %s: %v, want %q", args, err, want)
		}
	}
	if data, err := os.ReadFile("a.img"); string(data) != "precious" {
		t.Errorf("a.img was overwritten: %q, %v", data, err)
	}
	if _, err := os.Stat("c.img"); err == nil {
		t.Error("c.img was left behind")
	}
}

// Each loop runs to its end on each engine.
// A sub-command that is misspelt is no disk image, unless there is one of that name.
func TestMisspeltCommand(t *testing.T) {
	t.Chdir(t.TempDir())
	for arg, want := range map[string]string{"bnech": "did you mean goemu bench?", "docter": "did you mean goemu doctor?", "mann": "did you mean goemu man?", "disk": "", "./bnech": "", "bench.img": ""} {
		_, err := parse([]string{arg}, io.Discard)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", arg, err)
		}
	}
	if err := os.WriteFile("bnech", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := parse([]string{"bnech"}, io.Discard); err != nil {
		t.Error(err)
	}
}

func TestBench(t *testing.T) {
	var out bytes.Buffer
	if err := bench(&out, t.TempDir(), map[string]uint32{"tcg": 2, "interp": 1}); err != nil {
		t.Fatal(err)
	}
	for _, l := range loops {
		if !regexp.MustCompile(`(?m)^interp +` + l.name + ` +\d+ MIPS`).Match(out.Bytes()) {
			t.Errorf("no line for %s:\n%s", l.name, &out)
		}
	}
}

func TestDoctor(t *testing.T) {
	got := run1(t, "doctor")
	for _, want := range []string{`^goemu version `, `^ok  engine interp: the built-in guest runs$`, `^(ok |--)  ?KVM: `, `terminal: `, `nasm$`} {
		if !regexp.MustCompile("(?m)" + want).MatchString(got) {
			t.Errorf("no line %s:\n%s", want, got)
		}
	}
}
