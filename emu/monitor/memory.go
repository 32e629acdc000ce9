package monitor

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"goemu/emu/inspect"
	"goemu/emu/wholefile"
)

// format is QEMU's /FMT: a count, d u x o c or i, and b h w or g.
type format struct {
	count int
	kind  byte
	size  int // bytes
}

// maxDump is how many items a command shows at most.
const maxDump = 65536

var sizes = map[byte]int{'b': 1, 'h': 2, 'w': 4, 'g': 8}

// readFormat takes /FMT from the front of the words.
func readFormat(args []string, preset format) (format, []string, error) {
	f := preset
	if len(args) == 0 || !strings.HasPrefix(args[0], "/") {
		return f, args, nil
	}
	s := args[0][1:]
	digits := len(s) - len(strings.TrimLeft(s, "0123456789"))
	if digits > 0 {
		n, err := strconv.Atoi(s[:digits])
		if err != nil || n > maxDump {
			return f, nil, fmt.Errorf("count %s: at most %d", s[:digits], maxDump)
		}
		f.count = n
	}
	for _, c := range []byte(s[digits:]) {
		switch {
		case strings.IndexByte("duxoci", c) >= 0:
			f.kind = c
			if c == 'c' {
				f.size = 1
			}
		case sizes[c] != 0:
			f.size = sizes[c]
		default:
			return f, nil, fmt.Errorf("invalid char in format: '%c'", c)
		}
	}
	return f, args[1:], nil
}

// number shows a value.
func (f format) number(v uint64, pad bool) string {
	bits := f.size * 8
	width := 0
	if pad {
		width = (bits*10 + 32) / 33
	}
	switch f.kind {
	case 'd':
		return fmt.Sprintf("%*d", width, int64(v)<<(64-bits)>>(64-bits))
	case 'u':
		return fmt.Sprintf("%*d", width, v)
	case 'o':
		if pad {
			width = (bits + 2) / 3
		}
		if v == 0 {
			return fmt.Sprintf("%*d", width, 0)
		}
		return fmt.Sprintf("%#*o", width, v)
	case 'c':
		return character(byte(v))
	}
	if pad {
		return fmt.Sprintf("0x%0*x", 2*f.size, v)
	}
	if v == 0 {
		return "0"
	}
	return fmt.Sprintf("%#x", v)
}

func character(b byte) string {
	switch {
	case b == '\'' || b == '\\':
		return fmt.Sprintf(`'\%c'`, b)
	case b == '\n':
		return `'\n'`
	case b == '\r':
		return `'\r'`
	case b == '\t':
		return `'\t'`
	case b < ' ' || b >= 0x7f:
		return fmt.Sprintf(`'\x%02x'`, b)
	}
	return fmt.Sprintf("'%c'", b)
}

func (s *Session) registers() (*inspect.Registers, error) {
	r, err := s.m.Registers(s.cpu)
	return &r, err
}

func (s *Session) eval(words []string) (uint64, error) {
	return eval(strings.Join(words, " "), s.registers)
}

// dump shows memory.
func (s *Session) dump(args []string, physical bool) error {
	preset := s.last
	if preset.size == 0 {
		preset = format{1, 'x', 4}
	}
	preset.count = 1
	f, rest, err := readFormat(args, preset)
	if err != nil {
		return err
	}
	addr, err := s.eval(rest)
	if err != nil {
		return err
	}
	at := inspect.Address{Addr: addr, Physical: physical}
	if f.kind == 'i' {
		lines, err := s.m.Disassemble(s.cpu, at, f.count)
		for i := range lines {
			s.print("%s\n", lines[i].String())
		}
		return err
	}
	s.last = f
	perLine := map[int]int{1: 8, 2: 8, 4: 4, 8: 2}[f.size]
	var buf [16]byte
	for f.count > 0 {
		n := min(f.count, perLine)
		p := buf[:n*f.size]
		s.print("%016x:", at.Addr)
		if _, err := s.m.ReadMemory(s.cpu, at, p); err != nil {
			s.print(" Cannot access memory\n")
			return nil
		}
		for i := 0; i < len(p); i += f.size {
			var v [8]byte
			copy(v[:], p[i:i+f.size])
			s.print(" %s", f.number(binary.LittleEndian.Uint64(v[:]), true))
		}
		s.print("\n")
		at.Addr += uint64(len(p))
		f.count -= n
	}
	return nil
}

func (s *Session) printValue(args []string) error {
	f, rest, err := readFormat(args, format{1, 'x', 8})
	if err != nil {
		return err
	}
	v, err := s.eval(rest)
	if err != nil {
		return err
	}
	f.size = 8
	s.print("%s\n", f.number(v, false))
	return nil
}

// save writes memory to a file.
func (s *Session) save(args []string, physical bool) error {
	addr, err := s.eval(args[:1])
	if err != nil {
		return err
	}
	size, err := s.eval(args[1:2])
	if err != nil {
		return err
	}
	return wholefile.Write(args[2], func(w io.Writer) error { return s.copyMemory(w, inspect.Address{Addr: addr, Physical: physical}, size) })
}

func (s *Session) copyMemory(w io.Writer, at inspect.Address, left uint64) error {
	buf := make([]byte, 1<<16)
	for left > 0 {
		p := buf[:min(left, uint64(len(buf)))]
		if _, err := s.m.ReadMemory(s.cpu, at, p); err != nil {
			return err
		}
		if _, err := w.Write(p); err != nil {
			return err
		}
		at.Addr, left = at.Addr+uint64(len(p)), left-uint64(len(p))
	}
	return nil
}

func (s *Session) gva2gpa(args []string) error {
	a, err := s.eval(args)
	if err != nil {
		return err
	}
	w, err := s.m.Walk(s.cpu, a)
	switch {
	case err != nil:
		return err
	case w.End != inspect.WalkMapped && w.End != inspect.WalkOff:
		s.print("Unmapped\n")
	default:
		s.print("gpa: %#x\n", w.Phys)
	}
	return nil
}

// port does i and o.
func (s *Session) port(args []string, write bool) error {
	f, rest, err := readFormat(args, format{1, 'x', 1})
	if err != nil {
		return err
	}
	want := 1
	if write {
		want = 2
	}
	if len(rest) != want || f.size > 4 {
		return errors.New("want i [/b|/h|/w] port, or o [/b|/h|/w] port value")
	}
	port, err := s.eval(rest[:1])
	if err != nil {
		return err
	}
	if port > 0xffff {
		return fmt.Errorf("there is no port %#x", port)
	}
	if write {
		v, err := s.eval(rest[1:])
		if err != nil {
			return err
		}
		return s.m.PortOut(uint16(port), f.size, uint32(v))
	}
	v, err := s.m.PortIn(uint16(port), f.size)
	if err != nil {
		return err
	}
	s.print("port%c[0x%04x] = 0x%0*x\n", map[int]byte{1: 'b', 2: 'w', 4: 'l'}[f.size], port, 2*f.size, v)
	return nil
}
