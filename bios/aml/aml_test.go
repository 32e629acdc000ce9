package aml

import (
	"bytes"
	"testing"
)

func TestEncoding(t *testing.T) {
	for _, c := range []struct {
		what string
		got  Code
		want string
	}{
		{"zero", Integer(0), "\x00"},
		{"one", Integer(1), "\x01"},
		{"byte", Integer(0xff), "\x0a\xff"},
		{"word", Integer(0x1234), "\x0b\x34\x12"},
		{"dword", Integer(0x12345678), "\x0c\x78\x56\x34\x12"},
		{"qword", Integer(1 << 32), "\x0e\x00\x00\x00\x00\x01\x00\x00\x00"},
		{"string", String("AB"), "\x0dAB\x00"},
		{"short name", Path("X"), "X___"},
		{"rooted name of two parts", Path(`\_SB.PCI0`), "\\\x2e_SB_PCI0"},
		{"parent's name of three parts", Path(`^A.B.C`), "^\x2f\x03A___B___C___"},
		{"root", Path(`\`), "\\\x00"},
		{"EISA id", EISAID("PNP0A03"), "\x0c\x41\xd0\x0a\x03"},
		{"buffer", Buffer([]byte{7}), "\x11\x03\x01\x07"},
		{"name", Name("A", Integer(1)), "\x08A___\x01"},
		{"package", Package(Integer(1), Integer(2)), "\x12\x05\x02\x01\x0a\x02"},
		{"method", Method("M", 1, true, Return(Arg(0))), "\x14\x08M___\x09\xa4\x68"},
		{"field", ByteField("R", FieldUnit{"F", 8}), "\x5b\x81\x0bR___\x01F___\x08"},
		{"region", OpRegion("R", PCIConfig, 0x60, 4), "\x5b\x80R___\x02\x0a\x60\x0a\x04"},
	} {
		if string(c.got) != c.want {
			t.Errorf("%s: % x, want % x", c.what, c.got, c.want)
		}
	}
}

func TestPkgLength(t *testing.T) {
	for _, c := range []struct {
		body int
		want []byte
	}{
		{0, []byte{1}},
		{62, []byte{63}},
		{63, []byte{0x41, 4}}, // 65 in all
		{4093, []byte{0x4f, 0xff}},
		{4094, []byte{0x81, 0x00, 0x01}}, // 4097
		{1 << 20, []byte{0xc4, 0x00, 0x00, 0x01}},
	} {
		if got := pkgLength(c.body); !bytes.Equal(got, c.want) {
			t.Errorf("body of %d bytes: % x, want % x", c.body, got, c.want)
		}
	}
}

// TestWrongNames checks that a mistake in a table is found when the table is made.
func TestWrongNames(t *testing.T) {
	for _, f := range map[string]func(){
		"empty name":      func() { Path("") },
		"long name":       func() { Path("ABCDE") },
		"lower case":      func() { Path("abc") },
		"digit first":     func() { Path("1ABC") },
		"short EISA id":   func() { EISAID("PNP05") },
		"no EISA product": func() { EISAID("PNPxxxx") },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			f()
		}()
	}
}
