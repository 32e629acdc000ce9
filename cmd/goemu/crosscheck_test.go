package main

import (
	"bytes"
	"strings"
	"testing"
)

func TestCrosscheckArguments(t *testing.T) {
	for args, want := range map[string]string{
		"--a":                          "--a needs a value: ENGINE",
		"--a hvf":                      "--a hvf",
		"--b=quick":                    "--b quick: want one of tcg, interp, native, kvm",
		"--a kvm:tcg":                  "want one of tcg, interp, native, kvm",
		"--every never":                "want insn, block, exit",
		"--every port=70000":           "want a port",
		"--from here":                  "want rip=ADDRESS",
		"--insns 0":                    "1 at least",
		"--insns many":                 "want a number of instructions",
		"--every=":                     "--every needs a value: WHEN",
		"--from insn=99999999999G":     "--from insn=99999999999G: want a number of instructions",
		"--from after-exits=x":         "--from after-exits=x: want a number of accesses",
		"--from rip=main":              "--from rip=main: want an address",
		"--undefined /":                "--undefined /: read /: is a directory",
		"--json=yes":                   "--json takes no value",
		"--undefined /nowhere":         "/nowhere",
		"--evry block":                 "--evry: invalid option; did you mean --every?",
		"--snipet x":                   "did you mean --snippet?",
		"--kernal x":                   "did you mean -kernel?",
		"--netdev user":                "goemu has no such option",
		"-accel tcg":                   "the engines are --a and --b",
		"-gdb tcp::1234":               "-gdb, -s and -S: not with crosscheck",
		"-S":                           "-gdb, -s and -S: not with crosscheck",
		"-monitor stdio":               "not with crosscheck",
		"-serial tcp:localhost:1":      "want stdio, null or none",
		"-d int":                       "not with crosscheck",
		"-kernel /nowhere/at/all":      "/nowhere/at/all",
		"-m 1T":                        "RAM of",
		"--every insn a.img b.img":     "one disk image",
		"-append --a -kernel /nowhere": "/nowhere",
	} {
		if _, err := crosscheckMain(new(bytes.Buffer), strings.Fields(args)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("crosscheck %s: %v, want %q", args, err, want)
		} else if words := strings.Fields(args); len(words) == 2 && strings.HasPrefix(words[0], "--") && words[1] != "/" && strings.Count(err.Error(), words[1]) > 1 {
			t.Errorf("crosscheck %s: the value is named more than once: %v", args, err)
		}
	}
	if status, err := runCrosscheck(new(bytes.Buffer), []string{"--every", "never"}); status != crossFailed || err != nil {
		t.Errorf("status %d, %v", status, err)
	}
}

func TestCrosscheckEqual(t *testing.T) {
	for _, args := range []string{"--a interp --b interp --insns 100k -m 16 -monitor none -parallel none -serial none -gdb none -nographic", "--json --a=interp --b=interp --every insn --insns=20k"} {
		var out bytes.Buffer
		status, err := runCrosscheck(&out, strings.Fields(args))
		if status != crossEqual || err != nil || !strings.Contains(out.String(), "do the same") && !strings.Contains(out.String(), `"result": "equal"`) {
			t.Errorf("crosscheck %s: %d, %v\n%s", args, status, err, &out)
		}
	}
}
