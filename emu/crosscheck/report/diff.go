package report

import (
	"encoding/hex"
	"fmt"
	"strings"

	"goemu/emu/inspect"
)

// Hex is a number that JSON has as text, in hexadecimal: not all programs that read JSON know numbers beyond 2^53.
type Hex uint64

// MarshalText implements encoding.TextMarshaler.
func (h Hex) MarshalText() ([]byte, error) { return fmt.Appendf(nil, "%#x", uint64(h)), nil }

// Mask names what is not compared. nil and the zero value: everything is.
type Mask struct {
	Flags     uint64   // bits of RFLAGS
	FSW       uint16   // bits of the x87 status word
	MXCSR     uint32   // bits of MXCSR
	Rounding  bool     // x87 registers may be some units in the last place off
	All       bool     // nothing is compared
	Registers []string // whole registers
	Memory    []Span   // of an instruction's memory operand
}

// Span is some bytes of a memory operand: From is the offset of the first, To of that behind the last.
type Span struct{ From, To uint64 }

// Add takes in what another mask names.
func (m *Mask) Add(o *Mask) {
	m.Flags |= o.Flags
	m.FSW |= o.FSW
	m.MXCSR |= o.MXCSR
	m.Rounding, m.All = m.Rounding || o.Rounding, m.All || o.All
	for _, n := range o.Registers {
		if !m.names(n) {
			m.Registers = append(m.Registers, Canonical(n))
		}
	}
	m.Memory = append(m.Memory, o.Memory...)
}

// Empty tells whether everything is compared.
func (m *Mask) Empty() bool {
	return m == nil || m.Flags|uint64(m.FSW)|uint64(m.MXCSR) == 0 && !m.Rounding && !m.All && len(m.Registers)+len(m.Memory) == 0
}

func (m *Mask) names(name string) bool {
	for _, n := range m.Registers {
		if Canonical(n) == Canonical(name) {
			return true
		}
	}
	return false
}

// Copy gives b what the mask names of a: then the two differ in what is compared only.
func (m *Mask) Copy(b, a *inspect.Registers) {
	if m.Empty() {
		return
	}
	b.RFLAGS = b.RFLAGS&^m.Flags | a.RFLAGS&m.Flags
	b.X87.FSW = b.X87.FSW&^m.FSW | a.X87.FSW&m.FSW
	b.MXCSR = b.MXCSR&^m.MXCSR | a.MXCSR&m.MXCSR
	if m.Rounding {
		for i, v := range a.X87.ST {
			if Near(v, b.X87.ST[i]) {
				b.X87.ST[i] = v
			}
		}
	}
	if len(m.Registers) == 0 {
		return
	}
	from := fields(a)
	for i, f := range fields(b) {
		if !m.names(f.name) {
			continue
		}
		switch to := f.value.(type) {
		case *uint64:
			*to = *from[i].value.(*uint64)
		case *inspect.Float80:
			*to = *from[i].value.(*inspect.Float80)
		case *[8]uint64:
			*to = *from[i].value.(*[8]uint64)
		default:
			_ = parse(to, format(from[i].value))
		}
	}
}

// Near tells whether two x87 numbers differ by a few units in the last place at most.
func Near(a, b inspect.Float80) bool {
	const units = 4
	switch d := int64(a.Significand - b.Significand); {
	case a.Exponent == b.Exponent:
		return -units <= d && d <= units
	case a.Exponent == b.Exponent+1: // on both sides of a power of two
		return a.Significand-1<<63 <= units && -b.Significand <= units
	case b.Exponent == a.Exponent+1:
		return Near(b, a)
	}
	return false
}

// Equal tells whether two states are equal but for what the mask names.
func Equal(a, b *inspect.Registers, m *Mask) bool {
	c := *b
	m.Copy(&c, a)
	c.CPU, c.Vectors, c.VectorBytes = a.CPU, a.Vectors, a.VectorBytes
	return c == *a
}

// Difference is a register, or some bytes of memory, in which the engines differ.
type Difference struct {
	Name string `json:"name"` // of memory: its linear address as [0x1000]
	A    string `json:"a"`
	B    string `json:"b"`
}

// Registers lists the registers that differ, but for what the mask names.
func Registers(a, b *inspect.Registers, m *Mask) []Difference {
	c := *b
	m.Copy(&c, a)
	var d []Difference
	fa, fb := fields(a), fields(&c)
	for i := range fa {
		va, vb := format(fa[i].value), format(fb[i].value)
		if va == vb {
			continue
		}
		name := fa[i].name
		switch v := fa[i].value.(type) {
		case *[8]uint64:
			w := fb[i].value.(*[8]uint64)
			name = vectorName(name, v, w)
		case *uint64:
			if name == "rflags" {
				va += " [" + inspect.FlagLetters(a.RFLAGS) + "]"
				vb += " [" + inspect.FlagLetters(c.RFLAGS) + "]"
			}
		}
		d = append(d, Difference{name, va, vb})
	}
	return d
}

// vectorName names a vector register after the part that is used.
func vectorName(name string, v, w *[8]uint64) string {
	n := 0
	for i := range v {
		if v[i]|w[i] != 0 {
			n = i
		}
	}
	return [8]string{"xmm", "xmm", "ymm", "ymm", "zmm", "zmm", "zmm", "zmm"}[n] + name[3:]
}

const (
	memoryRow  = 16 // bytes of memory in a difference
	memoryRows = 32 // in a report
)

// Memory lists the rows of memory at a linear address that differ. a and b have the same length.
func Memory(addr uint64, a, b []byte) []Difference {
	var d []Difference
	for i := 0; i < len(a) && i < len(b); i += memoryRow {
		end := min(i+memoryRow, len(a), len(b))
		if ra, rb := a[i:end], b[i:end]; string(ra) != string(rb) {
			d = append(d, Difference{fmt.Sprintf("[%#x]", addr+uint64(i)), spaced(ra), spaced(rb)})
		}
	}
	return d
}

func spaced(p []byte) string {
	var b strings.Builder
	for i := range p {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(hex.EncodeToString(p[i : i+1]))
	}
	return b.String()
}

// Text shows differences as a go-cmp diff does. It is empty if there are none, and short if there are many of memory.
func Text(d []Difference) string {
	width := 0
	for i := range d {
		width = max(width, len(d[i].Name))
	}
	var b strings.Builder
	rows := 0
	for i := range d {
		if strings.HasPrefix(d[i].Name, "[") {
			if rows++; rows > memoryRows {
				fmt.Fprintf(&b, "  and %d more rows of memory\n", len(d)-i)
				break
			}
		}
		fmt.Fprintf(&b, "- %-*s %s\n+ %-*s %s\n", width, d[i].Name, d[i].A, width, d[i].Name, d[i].B)
	}
	return b.String()
}

// Diff shows how two states differ, but for what the mask names; "": they do not.
func Diff(a, b *inspect.Registers, m *Mask) string { return Text(Registers(a, b, m)) }

// Changes shows differences as what a was and b is.
func Changes(d []Difference) string {
	var b strings.Builder
	for i := range d {
		if i == 2*memoryRows {
			fmt.Fprintf(&b, "  and %d more\n", len(d)-i)
			break
		}
		fmt.Fprintf(&b, "  %s  %s -> %s\n", d[i].Name, d[i].A, d[i].B)
	}
	return b.String()
}
