// Package labs runs the labs of docs/labs as a student does: every command that a README shows, with what it says one sees, and the
// checker, with right and wrong answers and programs. testdata has sample solutions: N.txt answers, N.edit what becomes of the program that students are given.
package labs

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"goemu/tests/guest"
)

const labsDir = "../../docs/labs"

// folders are the labs' folders, in order.
func folders(t *testing.T) []string {
	t.Helper()
	dirs, err := filepath.Glob(filepath.Join(labsDir, "[0-9]-*"))
	if err != nil || len(dirs) != 8 {
		t.Fatalf("%d labs, want 8: %v", len(dirs), err)
	}
	return dirs
}

// step is a command of a README and the lines that it is said to print; "..." stands for anything.
type step struct {
	line    int
	command string
	want    []string
}

// steps reads the commands: lines of code blocks within lists that begin with "$ ". What follows is their output.
func steps(t *testing.T, readme string) (list []step) {
	t.Helper()
	text, err := os.ReadFile(readme)
	if err != nil {
		t.Fatal(err)
	}
	open := false
	for n, l := range strings.Split(string(text), "\n") {
		code, ok := strings.CutPrefix(l, "        ")
		switch command, isCommand := strings.CutPrefix(code, "$ "); {
		case !ok:
			open = open && l == ""
		case isCommand:
			list, open = append(list, step{line: n + 1, command: command}), true
		case open:
			s := &list[len(list)-1]
			s.want = append(s.want, code)
		}
	}
	return list
}

// copyLabs copies the labs to a module of its own, in which goemu is this one, so that nothing is written here.
func copyLabs(t *testing.T) string {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	labs := filepath.Join(dir, "docs", "labs")
	if err := os.CopyFS(labs, os.DirFS(labsDir)); err != nil {
		t.Fatal(err)
	}
	mod, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Replace(string(mod), "module goemu\n", "module labs\n", 1) +
		fmt.Sprintf("\nrequire goemu v0.0.0\n\nreplace goemu => %q\n", root)
	sum, err := os.ReadFile(filepath.Join(root, "go.sum"))
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{"go.mod": []byte(text), "go.sum": sum} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	link := filepath.Join(labs, "goemu")
	os.Remove(link) // a student's, of an older goemu
	if err := os.Symlink(guest.Goemu(t), link); err != nil {
		t.Fatal(err)
	}
	return labs
}

var escapes = regexp.MustCompile(`\x1b\[[0-9;?]*[A-Za-z]|\r`)

// sees tells which line of want is not in the output, after those before it.
func sees(out string, want []string) (missing string) {
	lines := strings.Split(escapes.ReplaceAllString(out, ""), "\n")
	for _, w := range want {
		pattern := strings.ReplaceAll(regexp.QuoteMeta(strings.Join(strings.Fields(w), " ")), `\.\.\.`, ".*")
		re := regexp.MustCompile("^" + pattern + "$")
		i := slices.IndexFunc(lines, func(l string) bool { return re.MatchString(strings.Join(strings.Fields(l), " ")) })
		if i < 0 {
			return w
		}
		lines = lines[i+1:]
	}
	return ""
}

// TestSteps runs what the READMEs show: as it stands there, and again with the interpreter.
func TestSteps(t *testing.T) {
	labs := copyLabs(t)
	for _, dir := range folders(t) {
		lab := filepath.Base(dir)
		list := steps(t, filepath.Join(dir, "README.md"))
		if len(list) < 2 {
			t.Errorf("%s: %d commands", lab, len(list))
		}
		for _, engine := range []string{"", "interp"} {
			for _, s := range list {
				command := s.command
				if engine != "" {
					if strings.Contains(command, "-accel") || strings.HasPrefix(command, "go run") {
						continue
					}
					command = strings.ReplaceAll(command, "../lab -", "../lab -accel "+engine+" -")
					command = strings.ReplaceAll(command, "../goemu -", "../goemu -accel "+engine+" -")
				}
				cmd := exec.Command("sh", "-c", command)
				cmd.Dir = filepath.Join(labs, lab)
				out, err := cmd.Output()
				if err != nil && strings.HasPrefix(command, "nasm ") {
					t.Fatalf("%s/README.md:%d: %s: %v", lab, s.line, command, err)
				}
				if missing := sees(string(out), s.want); missing != "" {
					t.Errorf("%s/README.md:%d: %s: no line %q in:\n%s", lab, s.line, command, missing, out)
				}
			}
		}
	}
}

// checker builds the checker and returns what runs it, in the labs' folder.
func checker(t *testing.T) func(args ...string) (out string, status int) {
	t.Helper()
	bin := filepath.Join(t.TempDir(), "check")
	if out, err := exec.Command("go", "build", "-o", bin, "goemu/docs/labs/check").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return func(args ...string) (string, int) {
		t.Helper()
		cmd := exec.Command(bin, args...)
		cmd.Dir = labsDir
		out, err := cmd.CombinedOutput()
		if cmd.ProcessState == nil {
			t.Fatal(err)
		}
		return string(out), cmd.ProcessState.ExitCode()
	}
}

// tasks are the programs that students are to change.
var tasks = map[int]string{2: "2-sensitive/vmm.asm", 3: "3-interrupts/rings.asm", 4: "4-paging/paging.asm", 5: "5-smc/smc.asm", 6: "6-devices/transfer.asm", 7: "7-boot/boot.asm", 8: "8-hypercall/main.go"}

// answers is the path of the sample answers of lab n.
func answers(t *testing.T, n int) string {
	t.Helper()
	p, err := filepath.Abs(fmt.Sprintf("testdata/%d.txt", n))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// solved is the program of lab n with the sample edits: of each, separated by an empty line, lines with - are to be found once, lines with + stand there instead.
func solved(t *testing.T, n int) string {
	t.Helper()
	given, err := os.ReadFile(filepath.Join(labsDir, tasks[n]))
	if err != nil {
		t.Fatal(err)
	}
	edits, err := os.ReadFile(fmt.Sprintf("testdata/%d.edit", n))
	if err != nil {
		t.Fatal(err)
	}
	text := "\n" + string(given)
	for _, edit := range strings.Split(strings.TrimSpace(string(edits)), "\n\n") {
		old, now := "\n", "\n"
		for _, l := range strings.Split(edit, "\n") {
			switch l[0] {
			case '-':
				old += l[1:] + "\n"
			case '+':
				now += l[1:] + "\n"
			default:
				t.Fatalf("lab %d: edit has the line %q", n, l)
			}
		}
		if strings.Count(text, old) != 1 {
			t.Fatalf("lab %d: the program does not have this once:%s", n, old)
		}
		text = strings.Replace(text, old, now, 1)
	}
	return text[1:]
}

// program writes a student's program to a file.
func program(t *testing.T, n int, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), filepath.Base(tasks[n]))
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// TestRight hands in the sample solutions.
func TestRight(t *testing.T) {
	check := checker(t)
	for n := 1; n <= 8; n++ {
		args := []string{fmt.Sprint(n), answers(t, n)}
		if tasks[n] != "" {
			args = append(args, program(t, n, solved(t, n)))
		}
		for _, engine := range []string{"auto", "interp"} {
			if out, status := check(append([]string{"-accel", engine}, args...)...); status != 0 || out != "all right\n" {
				t.Errorf("lab %d, %s: status %d: %s", n, engine, status, out)
			}
			if n == 8 {
				break // the host program has the engine that it has
			}
		}
	}
}

// TestNotYet hands in what the students are given: each question lacks its answer, each task is not done.
func TestNotYet(t *testing.T) {
	check := checker(t)
	for n, dir := range folders(t) {
		n++
		text, err := os.ReadFile(filepath.Join(dir, "answers.txt"))
		if err != nil {
			t.Fatal(err)
		}
		out, status := check(fmt.Sprint(n))
		if status != 1 {
			t.Errorf("lab %d as given: status %d: %s", n, status, out)
		}
		keys := regexp.MustCompile(`(?m)^(\w+) =`).FindAllStringSubmatch(string(text), -1)
		for _, k := range keys {
			if !strings.Contains(out, k[1]+": no answer yet\n") {
				t.Errorf("lab %d: nothing about %s in:\n%s", n, k[1], out)
			}
		}
		if strings.Contains(out, "no such question") || strings.Count(out, "no answer yet") != len(keys) {
			t.Errorf("lab %d: answers.txt has other questions than the checker:\n%s", n, out)
		}
		if done := strings.Count(out, "\n") == len(keys); done != (n == 1) {
			t.Errorf("lab %d: is its task done as given? %v\n%s", n, done, out)
		}
	}
}

// TestWrong hands in the sample answers with a wrong one for each question: it alone is found, and what is right is not told.
func TestWrong(t *testing.T) {
	check := checker(t)
	for n := 1; n <= 8; n++ {
		right, err := os.ReadFile(answers(t, n))
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(t.TempDir(), "answers.txt")
		wrong := regexp.MustCompile(`(?m)=.*$`).ReplaceAllString(string(right), "= 4711")
		if err := os.WriteFile(file, []byte(wrong+"another = 1\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		out, status := check(fmt.Sprint(n), file)
		if status != 1 || !strings.Contains(out, "another: there is no such question\n") {
			t.Errorf("lab %d: status %d: %s", n, status, out)
		}
		for _, l := range strings.Split(strings.TrimSpace(string(right)), "\n") {
			key, _, _ := strings.Cut(l, " =")
			if !strings.Contains(out, key+": not right; ") {
				t.Errorf("lab %d: nothing about %s in:\n%s", n, key, out)
			}
		}
	}
}

// TestWrongPrograms hands in programs that are wrong in other ways than not being done.
func TestWrongPrograms(t *testing.T) {
	check := checker(t)
	for _, c := range []struct {
		n         int
		old, new  string
		complaint string
	}{
		{2, "mov eax, [vcr0]\n        mov [ebp", "mov eax, cr0\n        mov [ebp", "the kernel sees"},
		{2, "start:", "start: frob", "nasm"},
		{3, "print \"  #DE\", 10", "nop", "does not print"},
		{3, "gate divide, 0", "dq 0", "did not come to its end"},
		{5, "exit 0", "hlt", "did not end"},
		{4, "or ecx, ebx", "lea ecx, [ebx + 3]", "0xc0de5000: writable is true"},
		{5, "mov ecx, 10000", "mov ecx, 9", "counter"},
		{6, "mov eax, LENGTH\n", "mov eax, LENGTH / 2\n", "not all of it"},
		{7, "dw 0xaa55", "dw 0", "its mark"},
		{7, "mov si, 0x7e00", "mov si, hello", "second sector"},
	} {
		text := solved(t, c.n)
		if !strings.Contains(text, c.old) {
			t.Fatalf("lab %d: the sample has no %q", c.n, c.old)
		}
		file := program(t, c.n, strings.ReplaceAll(text, c.old, c.new))
		patience := "3m"
		if c.complaint == "did not end" {
			patience = "1s" // it never ends
		}
		if out, status := check("-patience", patience, fmt.Sprint(c.n), file); status != 1 || !strings.Contains(out, c.complaint) {
			t.Errorf("lab %d with %q: status %d, want a complaint with %q: %s", c.n, c.new, status, c.complaint, out)
		}
	}
}

// TestMisuse wants an error, not a verdict.
func TestMisuse(t *testing.T) {
	check := checker(t)
	for _, args := range [][]string{{}, {"0"}, {"9"}, {"x"}, {"1", "none.txt"}, {"1", "lab.inc"}, {"-accel", "frob", "1"}, {"1", "none.asm"}} {
		if out, status := check(args...); status != 2 || out == "" {
			t.Errorf("check %v: status %d: %s", args, status, out)
		}
	}
}
