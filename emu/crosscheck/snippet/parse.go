package snippet

import (
	"bufio"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"goemu/emu/crosscheck/report"
	"goemu/emu/crosscheck/undefined"
	"goemu/emu/inspect"
	"goemu/emu/nearest"
)

// EngineNames are the engines that run cases.
var EngineNames = []string{"tcg", "interp", "native", "kvm"}

// KnownEngine tells whether there is an engine of that name.
func KnownEngine(name string) bool {
	for _, n := range EngineNames {
		if n == name {
			return true
		}
	}
	return false
}

// maxLine is how long a line may be, in bytes.
const maxLine = 1 << 20

// Parse reads a file of cases. Errors name the file and the line.
func Parse(name string, r io.Reader) ([]*Case, error) {
	p := parser{name: name}
	s := bufio.NewScanner(r)
	s.Buffer(nil, maxLine)
	for s.Scan() {
		p.line++
		if err := p.take(s.Text()); err != nil {
			return nil, fmt.Errorf("%s:%d: %w", name, p.line, err)
		}
	}
	if errors.Is(s.Err(), bufio.ErrTooLong) {
		return nil, fmt.Errorf("%s:%d: the line has more than %d bytes", name, p.line+1, maxLine)
	} else if s.Err() != nil {
		return nil, fmt.Errorf("%s: %w", name, s.Err())
	}
	if p.inAsm {
		return nil, fmt.Errorf("%s:%d: asm without end", name, p.asmLine)
	}
	if err := p.finish(); err != nil {
		return nil, err
	}
	if len(p.cases) == 0 {
		return nil, fmt.Errorf("%s: no case in it", name)
	}
	return p.cases, nil
}

type parser struct {
	name    string
	line    int
	cases   []*Case
	c       *Case // that is being read; nil: none
	inAsm   bool
	asmLine int
}

// keyword is one that lines begin with.
type keyword struct {
	min, max int // arguments; max -1: any number
	usage    string
	set      func(c *Case, args []string) error
}

var keywords = map[string]keyword{
	"mode": {1, 1, "mode " + strings.Join(ModeNames(), "|"), func(c *Case, a []string) error {
		ring := c.Ring
		err := c.SetMode(a[0])
		if c.ringSet {
			c.Ring = ring
		}
		return err
	}},
	"ring": {1, 1, "ring 0|1|2|3", func(c *Case, a []string) error {
		ring, err := ParseRing(a[0])
		c.Ring, c.ringSet = ring, true
		return err
	}},
	"cpu": {1, 1, "cpu MODEL", func(c *Case, a []string) error {
		c.CPU = a[0]
		return CheckModel(a[0])
	}},
	"engines": {2, 2, "engines A B", func(c *Case, a []string) error {
		for _, n := range a {
			if !KnownEngine(n) {
				return fmt.Errorf("engine %s: want one of %s", n, strings.Join(EngineNames, ", "))
			}
		}
		c.A, c.B = a[0], a[1]
		return nil
	}},
	"reg": {2, 2, "reg NAME VALUE", func(c *Case, a []string) error {
		var r inspect.Registers
		if owned(report.Canonical(a[0])) {
			return fmt.Errorf("%s: a case cannot set it", a[0])
		}
		c.Regs = append(c.Regs, Setting{a[0], a[1]})
		return report.Set(&r, a[0], a[1])
	}},
	"pages": {2, 3, "pages ADDRESS COUNT [ACCESS]", func(c *Case, a []string) error {
		addr, err := address(a[0])
		if err != nil {
			return err
		}
		n, err := strconv.ParseUint(a[1], 0, 16)
		if err != nil || n == 0 || n > maxPages || addr%pageSize != 0 {
			return fmt.Errorf("want an address of whole pages of %#x, and 1 to %d of them", pageSize, maxPages)
		}
		p := Pages{Addr: addr, Count: int(n), Access: "rw"}
		if len(a) == 3 {
			if p.Access = a[2]; strings.Trim(a[2], "rwxus") != "" {
				return fmt.Errorf("access %s: want letters of rwxus", a[2])
			}
		}
		c.Pages = append(c.Pages, p)
		return nil
	}},
	"memory": {2, -1, "memory ADDRESS BYTE...", func(c *Case, a []string) error {
		addr, err := address(a[0])
		if err != nil {
			return err
		}
		b, err := hexBytes(a[1:])
		c.Memory = append(c.Memory, Memory{addr, b})
		return err
	}},
	"code": {1, -1, "code BYTE...", func(c *Case, a []string) error {
		b, err := hexBytes(a)
		c.Code = append(c.Code, b...)
		return err
	}},
	"limit": {1, 1, "limit INSTRUCTIONS", func(c *Case, a []string) error {
		n, err := strconv.ParseUint(a[0], 0, 31)
		if err != nil || n == 0 || n > maxLimit {
			return fmt.Errorf("limit %s: want 1 to %d", a[0], maxLimit)
		}
		c.Limit = int(n)
		return nil
	}},
	"undefined": {1, -1, "undefined INSTRUCTION... : RESULT... : CONDITION", func(c *Case, a []string) error {
		line := strings.Join(a, " ")
		c.Undefined = append(c.Undefined, line)
		_, err := undefined.Parse("", strings.NewReader(line))
		if e := errors.Unwrap(err); e != nil {
			return e // without the line's number
		}
		return err
	}},
	"expect": {1, -1, "expect different NAME... or expect NAME VALUE", func(c *Case, a []string) error {
		switch {
		case a[0] == "different" && len(a) > 1:
			for _, n := range a[1:] {
				if n != "end" && n[0] != '[' && !report.IsRegister(n) {
					return report.NoRegister(n)
				}
				c.Different = append(c.Different, strings.ToLower(n))
			}
			return nil
		case len(a) < 2:
			return fmt.Errorf("want expect different NAME..., or expect NAME VALUE")
		case a[0] == "end":
			c.Expect = append(c.Expect, Setting{"end", strings.Join(a[1:], " ")})
			return checkEnd(strings.Join(a[1:], " "))
		case strings.HasPrefix(a[0], "["):
			b, err := hexBytes(a[1:])
			c.Expect = append(c.Expect, Setting{a[0], fmt.Sprintf("% x", b)})
			if err == nil {
				_, err = address(strings.Trim(a[0], "[]"))
			}
			return err
		case len(a) > 2:
			return fmt.Errorf("want expect NAME VALUE")
		}
		var r inspect.Registers
		c.Expect = append(c.Expect, Setting{a[0], a[1]})
		return report.Set(&r, a[0], a[1])
	}},
	"seen": {1, -1, "seen TEXT", func(c *Case, a []string) error {
		c.Seen = append(c.Seen, strings.Join(a, " "))
		return nil
	}},
}

func address(s string) (uint64, error) {
	a, err := strconv.ParseUint(s, 0, 64)
	if err != nil {
		return 0, fmt.Errorf("address %s: want a number", s)
	}
	return a, nil
}

func hexBytes(words []string) ([]byte, error) {
	var b []byte
	for _, w := range words {
		p, err := hex.DecodeString(w)
		if err != nil {
			return nil, fmt.Errorf("%s: want bytes, two hexadecimal digits each", w)
		}
		b = append(b, p...)
	}
	return b, nil
}

// take takes in a line.
func (p *parser) take(line string) error {
	if p.inAsm {
		if strings.TrimSpace(line) == "end" {
			p.inAsm = false
		} else {
			p.c.Asm += line + "\n"
		}
		return nil
	}
	words := uncommented(strings.Fields(line))
	if len(words) == 0 {
		return nil
	}
	if words[0] == "case" {
		if err := p.finish(); err != nil {
			return err
		}
		p.begin(strings.Join(words[1:], " "))
		return nil
	}
	if p.c == nil {
		p.begin("")
	}
	if words[0] == "asm" && len(words) == 1 {
		p.inAsm, p.asmLine = true, p.line
		return nil
	}
	k, ok := keywords[words[0]]
	if !ok {
		return fmt.Errorf("%.40q is no keyword of case files%s", words[0], nearest.Hint(words[0], slices.Sorted(maps.Keys(keywords))))
	}
	args := words[1:]
	if len(args) < k.min || k.max >= 0 && len(args) > k.max {
		return fmt.Errorf("want %s", k.usage)
	}
	return k.set(p.c, args)
}

// uncommented cuts a comment off: a # at the start of a line, or between blanks.
func uncommented(words []string) []string {
	for i, w := range words {
		if w == "#" || i == 0 && w[0] == '#' {
			return words[:i]
		}
	}
	return words
}

func (p *parser) begin(name string) {
	p.c = New(64)
	p.c.Name, p.c.Where = name, fmt.Sprintf("%s:%d", p.name, p.line)
}

// finish checks the case that has been read.
func (p *parser) finish() error {
	c := p.c
	if c == nil {
		return nil
	}
	p.c = nil
	if err := c.check(); err != nil {
		return fmt.Errorf("%s: %w", c.Where, err)
	}
	p.cases = append(p.cases, c)
	return nil
}

// check checks what single lines do not show.
func (c *Case) check() error {
	switch {
	case len(c.Code) == 0 && strings.TrimSpace(c.Asm) == "":
		return fmt.Errorf("the case has no code")
	case len(c.Code) > maxCode:
		return fmt.Errorf("%d bytes of code: up to %d are allowed", len(c.Code), maxCode)
	case len(c.Different) > 0 && len(c.Expect) > 0:
		return fmt.Errorf("values are expected of engines that agree: not together with expect different")
	}
	if err := c.checkRing(); err != nil {
		return err
	}
	r, err := c.registers()
	if err != nil {
		return err
	}
	_, err = c.layout(&r)
	return err
}

// ParseRing reads the number of a ring.
func ParseRing(s string) (int, error) {
	if len(s) != 1 || s[0] < '0' || s[0] > '3' {
		return 0, fmt.Errorf("ring %s: want 0, 1, 2 or 3", s)
	}
	return int(s[0] - '0'), nil
}
