// Package aml encodes ACPI Machine Language, as far as a DSDT of ours needs it:
// named objects, devices, methods with simple statements, operation regions,
// and resource templates. It follows ACPI 6.3, chapters 20 (AML) and 6.4
// (resource descriptors). It does not decode, and it checks only what would
// make the byte stream malformed.
//
// A piece of AML is a Code; functions build bigger pieces from smaller ones, so a
// table reads nearly as its ASL source:
//
//	aml.Device("COM1", aml.Name("_HID", aml.EISAID("PNP0501")))
//
// A wrong name or identifier is a mistake in the calling program and panics.
package aml

import (
	"encoding/binary"
	"fmt"
	"strings"
)

// Code is encoded AML.
type Code []byte

// Opcodes (ACPI 6.3, 20.2.3 and 20.2.5). Those above 0xff have the 0x5B prefix.
const (
	opZero        = 0x00
	opOne         = 0x01
	opName        = 0x08
	opByte        = 0x0a
	opWord        = 0x0b
	opDWord       = 0x0c
	opString      = 0x0d
	opQWord       = 0x0e
	opScope       = 0x10
	opBuffer      = 0x11
	opPackage     = 0x12
	opMethod      = 0x14
	opLocal0      = 0x60
	opArg0        = 0x68
	opStore       = 0x70
	opAnd         = 0x7b
	opOr          = 0x7d
	opCreateDWord = 0x8a
	opLLess       = 0x95
	opIf          = 0xa0
	opElse        = 0xa1
	opReturn      = 0xa4
	extPrefix     = 0x5b
	extOpRegion   = 0x80
	extField      = 0x81
	extDevice     = 0x82
)

func join(parts ...Code) Code {
	var c Code
	for _, p := range parts {
		c = append(c, p...)
	}
	return c
}

// pkgLength encodes the length of body and of the PkgLength itself (20.2.4).
func pkgLength(body int) Code {
	if n := body + 1; n < 1<<6 {
		return Code{byte(n)}
	}
	for extra := 1; extra <= 3; extra++ {
		n := body + 1 + extra
		if n < 1<<(4+8*extra) {
			c := Code{byte(extra<<6 | n&0xf)}
			for n >>= 4; len(c) <= extra; n >>= 8 {
				c = append(c, byte(n))
			}
			return c
		}
	}
	panic(fmt.Sprintf("aml: a package of %d bytes is too long to encode", body))
}

func packaged(op Code, body ...Code) Code {
	b := join(body...)
	return join(op, pkgLength(len(b)), b)
}

// Path encodes a NameString (20.2.2), such as `\_SB.PCI0` or `^PRQ0`.
func Path(p string) Code {
	var c Code
	rest := p
	for rest != "" && (rest[0] == '\\' || rest[0] == '^') {
		c, rest = append(c, rest[0]), rest[1:]
	}
	if rest == "" {
		if p == "" {
			panic("aml: empty name")
		}
		return append(c, 0) // NullName
	}
	segs := strings.Split(rest, ".")
	switch {
	case len(segs) == 2:
		c = append(c, 0x2e)
	case len(segs) > 255:
		panic(fmt.Sprintf("aml: name %q has too many parts", p))
	case len(segs) > 2:
		c = append(c, 0x2f, byte(len(segs)))
	}
	for _, s := range segs {
		c = append(c, segment(p, s)...)
	}
	return c
}

func segment(whole, s string) Code {
	c := Code("____")
	if s == "" || len(s) > 4 {
		panic(fmt.Sprintf("aml: part %q of name %q is not 1 to 4 characters long", s, whole))
	}
	for i := range len(s) {
		ch := s[i]
		if ch != '_' && (ch < 'A' || ch > 'Z') && (i == 0 || ch < '0' || ch > '9') {
			panic(fmt.Sprintf("aml: name %q holds the character %q", whole, ch))
		}
		c[i] = ch
	}
	return c
}

// Integer encodes v in the shortest form.
func Integer(v uint64) Code {
	switch {
	case v == 0:
		return Code{opZero}
	case v == 1:
		return Code{opOne}
	case v <= 0xff:
		return Code{opByte, byte(v)}
	case v <= 0xffff:
		return binary.LittleEndian.AppendUint16(Code{opWord}, uint16(v))
	case v <= 0xffffffff:
		return binary.LittleEndian.AppendUint32(Code{opDWord}, uint32(v))
	}
	return binary.LittleEndian.AppendUint64(Code{opQWord}, v)
}

// String encodes an ASCII string.
func String(s string) Code {
	return append(append(Code{opString}, s...), 0)
}

// EISAID encodes a 7-character EISA identifier such as "PNP0501" as the integer of 6.1.5.
func EISAID(id string) Code {
	var product uint32
	if len(id) != 7 {
		panic(fmt.Sprintf("aml: %q is not an EISA identifier", id))
	}
	if _, err := fmt.Sscanf(id[3:], "%04X", &product); err != nil {
		panic(fmt.Sprintf("aml: %q is not an EISA identifier: %v", id, err))
	}
	v := product
	for i := range 3 {
		if id[i] < 'A' || id[i] > 'Z' {
			panic(fmt.Sprintf("aml: %q is not an EISA identifier", id))
		}
		v |= uint32(id[i]-'@') << (26 - 5*i)
	}
	// The compressed form is kept in memory with its most significant byte first.
	return binary.BigEndian.AppendUint32(Code{opDWord}, v)
}

// Buffer encodes a buffer with these contents.
func Buffer(p []byte) Code {
	return packaged(Code{opBuffer}, Integer(uint64(len(p))), p)
}

// Package encodes a package of at most 255 elements.
func Package(elements ...Code) Code {
	if len(elements) > 255 {
		panic("aml: a package holds at most 255 elements")
	}
	return packaged(Code{opPackage}, Code{byte(len(elements))}, join(elements...))
}

// Name gives an object a name.
func Name(path string, object Code) Code { return join(Code{opName}, Path(path), object) }

// Scope puts terms into an existing scope.
func Scope(path string, terms ...Code) Code {
	return packaged(Code{opScope}, Path(path), join(terms...))
}

// Device declares a device with the objects in it.
func Device(path string, terms ...Code) Code {
	return packaged(Code{extPrefix, extDevice}, Path(path), join(terms...))
}

// Method declares a method with 0 to 7 arguments. A serialized method may create named objects.
func Method(path string, args int, serialized bool, terms ...Code) Code {
	flags := byte(args & 7)
	if serialized {
		flags |= 8
	}
	return packaged(Code{opMethod}, Path(path), Code{flags}, join(terms...))
}

// Region spaces (5.5.2.4).
const (
	SystemMemory = 0
	SystemIO     = 1
	PCIConfig    = 2
)

// OpRegion declares an operation region of length bytes at offset.
func OpRegion(path string, space byte, offset, length uint64) Code {
	return join(Code{extPrefix, extOpRegion}, Path(path), Code{space}, Integer(offset), Integer(length))
}

// FieldUnit is one named field of Bits bits.
type FieldUnit struct {
	Name string
	Bits int
}

// ByteField declares consecutive fields of a region, which are accessed by bytes (ByteAcc, NoLock, Preserve).
func ByteField(region string, units ...FieldUnit) Code {
	const byteAcc = 1
	body := join(Path(region), Code{byteAcc})
	for _, u := range units {
		body = append(body, segment(u.Name, u.Name)...)
		// The bit count has PkgLength's form but does not count itself.
		body = append(body, fieldLength(u.Bits)...)
	}
	return packaged(Code{extPrefix, extField}, body)
}

func fieldLength(bits int) Code {
	if bits < 1<<6 {
		return Code{byte(bits)}
	}
	if bits >= 1<<12 {
		panic(fmt.Sprintf("aml: a field of %d bits is too long", bits))
	}
	return Code{byte(1<<6 | bits&0xf), byte(bits >> 4)}
}

// Local is local variable n (0-7) of a method.
func Local(n int) Code { return Code{opLocal0 + byte(n)} }

// Arg is argument n (0-6) of a method.
func Arg(n int) Code { return Code{opArg0 + byte(n)} }

// Store assigns source to target.
func Store(source, target Code) Code { return join(Code{opStore}, source, target) }

// And assigns a&b to target; a nil target drops the result into the expression.
func And(a, b, target Code) Code { return join(Code{opAnd}, a, b, orNull(target)) }

// Or assigns a|b to target.
func Or(a, b, target Code) Code { return join(Code{opOr}, a, b, orNull(target)) }

func orNull(target Code) Code {
	if target == nil {
		return Code{0}
	}
	return target
}

// Less is the condition a < b.
func Less(a, b Code) Code { return join(Code{opLLess}, a, b) }

// If runs terms when the condition is not zero.
func If(condition Code, terms ...Code) Code {
	return packaged(Code{opIf}, condition, join(terms...))
}

// Else follows an If.
func Else(terms ...Code) Code { return packaged(Code{opElse}, join(terms...)) }

// Return ends the method with a value.
func Return(value Code) Code { return join(Code{opReturn}, value) }

// CreateDWordField names the doubleword at byte index of a buffer.
func CreateDWordField(buffer Code, index uint64, name string) Code {
	return join(Code{opCreateDWord}, buffer, Integer(index), Path(name))
}
