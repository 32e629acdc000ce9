// Package listed finds for each option, monitor command and QMP command that goemu lists a test that uses it as a person or program does: on the command line of goemu, or
// of a real machine. It asks goemu itself for the names, and looks for them in the sources of the tests and in the command lines of the documentation, which tests run.
// Keys of the terminal display are held to their table by the tests of package tui. What no other test uses is used here.
package listed

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"goemu/tests/guest"
)

const root = "../.."

// unit are folders whose tests know the tables, or machines that are none.
var unit = []string{"cmd/goemu/", "emu/monitor/", "emu/qmp/"}

// sources are the texts in which uses count.
func sources(t *testing.T) (all []string) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err != nil || slices.ContainsFunc(unit, func(u string) bool { return strings.HasPrefix(name, u) }) {
			return err
		}
		ext := filepath.Ext(name)
		isTest := strings.HasSuffix(name, "_test.go") || strings.HasPrefix(name, "tests/") && (ext == ".go" || ext == ".py")
		isPage := name == "README.md" || name == "docs/guide.md" || name == "docs/journey.md" || strings.HasPrefix(name, "docs/labs/") && (ext == ".md" || filepath.Base(name) == "lab")
		if isTest || isPage {
			text, err := os.ReadFile(path)
			all = append(all, string(text))
			return err
		}
		return nil
	})
	if err != nil || len(all) < 100 {
		t.Fatalf("%d sources, %v", len(all), err)
	}
	return all
}

// used fails for names that stand nowhere between before and after, which are regular expressions.
func used(t *testing.T, what string, names []string, least int, before, after string) {
	t.Helper()
	if len(names) < least {
		t.Fatalf("%d names: %q", len(names), names)
	}
	all := sources(t)
	for _, n := range names {
		use := regexp.MustCompile(before + regexp.QuoteMeta(n) + after)
		if !slices.ContainsFunc(all, func(s string) bool { return strings.Contains(s, n) && use.MatchString(s) }) {
			t.Errorf("no test uses %s %s", what, n)
		}
	}
}

func output(t *testing.T, in string, args ...string) string {
	t.Helper()
	cmd := exec.Command(guest.Goemu(t), args...)
	cmd.Stdin = strings.NewReader(in)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%q: %v\n%s", args, err, out)
	}
	return string(out)
}

// first gives what a regular expression finds.
func first(re, text string) (names []string) {
	for _, m := range regexp.MustCompile(re).FindAllStringSubmatch(text, -1) {
		names = append(names, m[1])
	}
	return names
}

func TestOptions(t *testing.T) {
	used(t, "option", first(`(?m)^ *-([A-Za-z_-]+)(?: |$)`, output(t, "", "-help")), 50, "(^|[\"'`( ])--?", "[ \"'`,=\n)]")
}

func TestMonitor(t *testing.T) {
	for _, c := range []struct {
		help, row string
		least     int
		before    string
	}{{"help", `(?m)^(?:\(goemu\) )?(\S+) .*-- `, 30, "([\"`\n'>]|\\\\n)"}, {"help info", `(?m)^(?:\(goemu\) )?info (\S+) .*-- `, 20, "info "}} {
		help := output(t, c.help+"\nquit\n", "-display", "none", "-S", "-monitor", "stdio")
		var names []string
		for _, n := range first(c.row, help) {
			names = append(names, strings.Split(n, "|")...)
		}
		used(t, "command", names, c.least, c.before, "($|[ \"`\\\\\n'/])")
	}
}

func TestQMP(t *testing.T) {
	out := output(t, `{"execute":"qmp_capabilities"}{"execute":"query-commands"}{"execute":"quit"}`, "-display", "none", "-S", "-qmp", "stdio")
	used(t, "QMP command", first(`"name": ?"([^"]+)"`, out), 40, "[\"`]", "[\"`\\\\]")
}
