package main

import (
	"goemu/tests/need"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// completed is what a shell offers for the last of words, typed after goemu.
type completed func(t *testing.T, words ...string) []string

func inBash(t *testing.T) completed {
	script := filepath.Join(t.TempDir(), "goemu.bash")
	if err := os.WriteFile(script, []byte(run1(t, "completion", "bash")), 0o666); err != nil {
		t.Fatal(err)
	}
	bash := need.Program(t, "bash", "bash")
	return func(t *testing.T, words ...string) []string {
		c := exec.Command(bash, append([]string{"-c", `source "$0"; COMP_WORDS=(goemu "$@"); COMP_CWORD=$#; _goemu; printf '%s\n' "${COMPREPLY[@]}"`, script}, words...)...)
		out, err := c.CombinedOutput()
		if err != nil {
			t.Fatalf("bash: %v: %s", err, out)
		}
		return strings.Split(strings.TrimSpace(string(out)), "\n")
	}
}

func inFish(t *testing.T) completed {
	fish := need.Program(t, "fish", "fish")
	script := run1(t, "completion", "fish")
	return func(t *testing.T, words ...string) []string {
		line := "goemu " + strings.Join(words, " ")
		c := exec.Command(fish, "--no-config", "-c", "source; complete -C '"+line+"'")
		c.Stdin = strings.NewReader(script)
		c.Env = append(os.Environ(), "HOME="+t.TempDir())
		out, err := c.CombinedOutput()
		if err != nil {
			t.Fatalf("fish: %v: %s", err, out)
		}
		var list []string
		for _, l := range strings.Split(string(out), "\n") {
			word, _, _ := strings.Cut(l, "\t")
			list = append(list, word)
		}
		return list
	}
}

func TestCompletion(t *testing.T) {
	for _, sh := range []struct {
		name string
		make func(*testing.T) completed
	}{{"bash", inBash}, {"fish", inFish}} {
		t.Run(sh.name, func(t *testing.T) {
			complete := sh.make(t)
			for _, c := range []struct {
				words string
				want  []string
				not   string
			}{
				{"-ker", []string{"-kernel"}, "-cpu"},
				{"-no-r", []string{"-no-reboot"}, "-nographic"},
				{"-m 512 -cpu Has", []string{"Haswell"}, "qemu64"},
				{"-device isa-", []string{"isa-debug-exit", "isa-debugcon"}, "edu"},
				{"-M q", []string{"q35"}, "pc"},
				{"com", []string{"completion"}, "man"},
				{"completion z", []string{"zsh"}, "bash"},
				{"crosscheck --ev", []string{"--every"}, "--a"},
				{"crosscheck --snippet x --mo", []string{"--mode"}, "--every"},
				{"crosscheck --every b", []string{"block"}, "insn"},
				{"crosscheck --json --a nat", []string{"native"}, "kvm"},
				{"crosscheck -cpu Has", []string{"Haswell"}, "qemu64"},
				{"crosscheck -ker", []string{"-kernel"}, "--every"},
				{"-m 512 --ev", nil, "--every"},
			} {
				got := complete(t, strings.Fields(c.words)...)
				for _, w := range c.want {
					if !slices.Contains(got, w) {
						t.Errorf("goemu %s: offers %q, want %s", c.words, got, w)
					}
				}
				if slices.Contains(got, c.not) {
					t.Errorf("goemu %s: offers %q, with %s", c.words, got, c.not)
				}
			}
		})
	}
}

// zsh completes only on a terminal: here it reads the script, and finds the function.
func TestCompletionZsh(t *testing.T) {
	c := exec.Command(need.Program(t, "zsh", "zsh"), "-f", "-c", `autoload -U compinit; compinit -D; source /dev/stdin; [[ $_comps[goemu] == _goemu ]] && print ok`)
	c.Stdin = strings.NewReader(run1(t, "completion", "zsh"))
	if out, err := c.CombinedOutput(); err != nil || string(out) != "ok\n" {
		t.Errorf("zsh: %v: %s", err, out)
	}
}

func TestMan(t *testing.T) {
	page := run1(t, "man")
	for _, o := range options {
		if !strings.Contains(page, roff("-"+o.name)) {
			t.Errorf("the manual page lacks -%s", o.name)
		}
	}
	for _, o := range crossOptions {
		if !strings.Contains(page, roff("--"+o.name)) {
			t.Errorf("the manual page lacks --%s", o.name)
		}
	}
	c := exec.Command(need.Program(t, "mandoc", "mandoc"), "-T", "lint", "-W", "warning")
	c.Stdin = strings.NewReader(page)
	if out, err := c.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("mandoc: %v: %s", err, out)
	}
}
