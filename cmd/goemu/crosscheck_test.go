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
		"--b=quick":                    "unknown accelerator",
		"--a kvm:tcg":                  "want one engine",
		"--every never":                "want insn, block, exit",
		"--every port=70000":           "want a port",
		"--from here":                  "want rip=ADDRESS",
		"--insns 0":                    "want 1 at least",
		"--insns many":                 "not a number of instructions",
		"--json=yes":                   "--json takes no value",
		"--undefined /nowhere":         "/nowhere",
		"--evry block":                 "-evry: invalid option",
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
		}
	}
	if status, err := runCrosscheck(new(bytes.Buffer), []string{"--every", "never"}); status != crossFailed || err != nil {
		t.Errorf("status %d, %v", status, err)
	}
}

func TestCrosscheckEqual(t *testing.T) {
	for _, args := range []string{"--a interp --b interp --insns 100k -m 16", "--json --a=interp --b=interp --every insn --insns=20k"} {
		var out bytes.Buffer
		status, err := runCrosscheck(&out, strings.Fields(args))
		if status != crossEqual || err != nil || !strings.Contains(out.String(), "do the same") && !strings.Contains(out.String(), `"result": "equal"`) {
			t.Errorf("crosscheck %s: %d, %v\n%s", args, status, err, &out)
		}
	}
}
