package snippet

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
	"unicode/utf8"
)

// Format is how snippets are written.
type Format string

// Formats of snippets.
const (
	Auto     Format = "auto" // found out
	Hex      Format = "hex"  // a snippet a line, as pairs of hexadecimal digits
	Binary   Format = "bin"  // one snippet
	Assembly Format = "asm"  // for nasm; lines of --- stand between snippets
)

// Formats are all of them.
var Formats = []Format{Auto, Hex, Binary, Assembly}

// Read makes cases of the snippets in a file, each as New gives it with the changes that set makes. The name is for messages.
func Read(name string, data []byte, f Format, mode string, set func(*Case)) ([]*Case, error) {
	if f == Auto {
		if filepath.Ext(name) == ".case" {
			return nil, fmt.Errorf("%s is a file of cases, which --replay runs", name)
		}
		f = guess(name, data)
	}
	var cases []*Case
	add := func(line int, code []byte, asm string) error {
		c := new(Case)
		if err := c.SetMode(mode); err != nil {
			return err
		}
		c.Where, c.Code, c.Asm = fmt.Sprintf("%s:%d", name, line), code, asm
		if set != nil {
			set(c)
		}
		cases = append(cases, c)
		if err := c.check(); err != nil {
			return fmt.Errorf("%s: %w", c.Where, err)
		}
		return nil
	}
	switch f {
	case Hex:
		for i, line := range strings.Split(string(data), "\n") {
			code, err := hexLine(line)
			if err != nil {
				return nil, fmt.Errorf("%s:%d: %w", name, i+1, err)
			}
			if len(code) > 0 {
				if err := add(i+1, code, ""); err != nil {
					return nil, err
				}
			}
		}
	case Binary:
		if err := add(1, data, ""); err != nil {
			return nil, err
		}
	case Assembly:
		text, first := "", 1
		lines := strings.Split(string(data), "\n")
		for i := 0; i <= len(lines); i++ {
			if i < len(lines) && strings.TrimSpace(lines[i]) != "---" {
				text += lines[i] + "\n"
				continue
			}
			if strings.TrimSpace(text) != "" {
				if err := add(first, nil, text); err != nil {
					return nil, err
				}
			}
			text, first = "", i+2
		}
	default:
		return nil, fmt.Errorf("format %s: want one of auto, hex, bin, asm", f)
	}
	if len(cases) == 0 {
		return nil, fmt.Errorf("%s: no snippet in it", name)
	}
	return cases, nil
}

// guess finds the format out: by the name, or by the contents.
func guess(name string, data []byte) Format {
	switch filepath.Ext(name) {
	case ".hex":
		return Hex
	case ".bin":
		return Binary
	case ".asm", ".s", ".nasm":
		return Assembly
	}
	if !utf8.Valid(data) || bytes.ContainsFunc(data, func(r rune) bool { return r < ' ' && r != '\n' && r != '\r' && r != '\t' }) {
		return Binary
	}
	for _, line := range strings.Split(string(data), "\n") {
		if _, err := hexLine(line); err == nil {
			continue
		}
		if first := strings.TrimSpace(line)[0]; first >= '0' && first <= '9' || first == '\\' {
			return Hex // no assembler text begins so: what is wrong is to be told
		}
		return Assembly
	}
	return Hex
}

// hexLine reads a line of bytes; a comment begins with # or ;.
func hexLine(line string) ([]byte, error) {
	if i := strings.IndexAny(line, "#;"); i >= 0 {
		line = line[:i]
	}
	return hexBytes(strings.Fields(line))
}

// ErrNoNasm says that assembler text cannot be assembled here.
var ErrNoNasm = errors.New("assembler text needs nasm, which is not installed: install it (apt-get install nasm), or give bytes")

// nasmTime is how long nasm may take, as macros can go on for ever.
const nasmTime = 2 * time.Minute

// assemble has nasm make the code of a case.
func assemble(c *Case) ([]byte, error) {
	nasm, err := exec.LookPath("nasm")
	if err != nil {
		return nil, ErrNoNasm
	}
	r, err := c.registers()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "goemu-snippet")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	in, out := filepath.Join(dir, "snippet.asm"), filepath.Join(dir, "snippet.bin")
	text := fmt.Sprintf("bits %d\norg %#x\n%s", c.Mode, r.RIP, c.Asm)
	if err := os.WriteFile(in, []byte(text), 0o600); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), nasmTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, nasm, "-f", "bin", "-o", out, in)
	cmd.Dir = dir
	msg, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		return nil, fmt.Errorf("nasm was not done after %v", nasmTime)
	}
	if err != nil {
		return nil, fmt.Errorf("nasm: %s", message(string(msg), in, err))
	}
	info, err := os.Stat(out)
	if err != nil {
		return nil, err
	}
	if info.Size() == 0 {
		return nil, fmt.Errorf("nasm made no code: %s", message(string(msg), in, errors.New("there is no instruction")))
	}
	if info.Size() > maxCode {
		return nil, fmt.Errorf("nasm: %d bytes of code: up to %d are allowed", info.Size(), maxCode)
	}
	return os.ReadFile(out)
}

// message is what nasm said first, with the line of the snippet.
func message(text, file string, err error) string {
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	if line == "" {
		return err.Error()
	}
	rest := strings.TrimPrefix(line, file+":")
	var n int
	if k, _ := fmt.Sscanf(rest, "%d:", &n); k == 1 {
		_, rest, _ = strings.Cut(rest, ":")
		return fmt.Sprintf("line %d of the snippet:%s", n-2, rest) // two lines are put before it
	}
	return rest
}
