// Command check looks at what a student hands in for a lab of docs/labs, and says what is wrong without saying what is right.
//
//	go run ./docs/labs/check [-accel ENGINE] [-patience TIME] N [FILE...]
//
// A FILE that ends in .txt has answers, one in .asm the changed guest, one in .go (lab 8) the changed host program. Without files it looks at those in the lab's folder. The
// status is 0 if all is right, 1 if something is wrong, 2 if it could not look.
package main

import (
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"goemu/emu"
)

func main() {
	accel := flag.String("accel", "auto", "engine, as goemu has it")
	flag.DurationVar(&patience, "patience", patience, "after how long a guest that does not end is stopped")
	flag.Usage = func() {
		fmt.Fprintln(os.Stderr, "usage: check [-accel ENGINE] [-patience TIME] N [answers.txt] [guest.asm] [main.go]")
	}
	flag.Parse()
	wrong, err := run(*accel, flag.Args())
	if err != nil {
		fmt.Fprintln(os.Stderr, "check:", err)
		os.Exit(2)
	}
	for _, w := range wrong {
		fmt.Println(w)
	}
	if len(wrong) > 0 {
		os.Exit(1)
	}
	fmt.Println("all right")
}

// run checks and returns what is wrong, a line each.
func run(accel string, args []string) (wrong []string, err error) {
	if len(args) == 0 {
		return nil, fmt.Errorf("which lab? 1 to %d", len(labs))
	}
	n, err := strconv.Atoi(args[0])
	if err != nil || n < 1 || n > len(labs) {
		return nil, fmt.Errorf("there is no lab %q: 1 to %d", args[0], len(labs))
	}
	c := &checker{lab: &labs[n-1], n: n}
	if c.accel, err = emu.ParseAccel(accel); err != nil {
		return nil, err
	}
	root, err := findLabs()
	if err != nil {
		return nil, err
	}
	c.dir = filepath.Join(root, c.lab.dir)
	c.files(args[1:])
	if err := c.check(); err != nil {
		return nil, err
	}
	return c.wrong, nil
}

// findLabs finds the folder of the labs, from this one upwards.
func findLabs() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		for _, d := range []string{dir, filepath.Join(dir, "docs", "labs")} {
			if _, err := os.Stat(filepath.Join(d, "lab.inc")); err == nil {
				return d, nil
			}
		}
		up := filepath.Dir(dir)
		if up == dir {
			return "", errors.New("docs/labs is not above this folder: run check in goemu's checkout")
		}
		dir = up
	}
}

// checker looks at one lab.
type checker struct {
	lab     *lab
	n       int
	dir     string // of the lab
	accel   emu.Accel
	answers string // files; "": none are checked
	guest   string // the student's, or as given
	host    string
	given   string // the guest as given
	work    string // a folder that is removed at the end
	wrong   []string
}

// files sorts the files to check by their kind.
func (c *checker) files(names []string) {
	c.given = filepath.Join(c.dir, c.lab.source)
	if len(names) == 0 {
		c.answers = filepath.Join(c.dir, "answers.txt")
		if c.lab.task != nil {
			c.guest, c.host = c.given, filepath.Join(c.dir, "main.go")
		}
		return
	}
	for _, name := range names {
		switch filepath.Ext(name) {
		case ".asm":
			c.guest = name
		case ".go":
			c.host = name
		default:
			c.answers = name
		}
	}
}

func (c *checker) complain(format string, args ...any) {
	c.wrong = append(c.wrong, fmt.Sprintf(format, args...))
}

func (c *checker) check() (err error) {
	if c.work, err = os.MkdirTemp("", "goemu-lab"); err != nil {
		return err
	}
	defer os.RemoveAll(c.work)
	if c.answers != "" {
		if err := c.checkAnswers(); err != nil {
			return err
		}
	}
	if c.guest == "" && c.host == "" {
		return nil
	}
	if c.lab.task == nil {
		return fmt.Errorf("lab %d asks for answers alone", c.n)
	}
	return c.lab.task(c)
}

// checkAnswers compares the file of answers with the questions.
func (c *checker) checkAnswers() error {
	answers, err := readAnswers(c.answers)
	if err != nil {
		return err
	}
	var want map[string]string
	if c.lab.measure != nil {
		if want, err = c.lab.measure(c); err != nil {
			return err
		}
	}
	for _, q := range c.lab.questions {
		a, ok := answers[q.key]
		delete(answers, q.key)
		switch {
		case !ok || a == "":
			c.complain("%s: no answer yet", q.key)
		case q.sum != "" && digest(c.n, q.key, a) != q.sum, q.sum == "" && want[q.key] != a:
			c.complain("%s: not right; %s", q.key, q.hint)
		}
	}
	for _, k := range slices.Sorted(maps.Keys(answers)) {
		c.complain("%s: there is no such question", k)
	}
	return nil
}
