package report

import (
	"fmt"
	"strconv"
	"strings"

	"goemu/emu/inspect"
	"goemu/emu/nearest"
)

// field is a register: value points into inspect.Registers.
type field struct {
	name  string
	value any
}

// fields lists all registers of r in the order of reports. It has all of inspect.Registers but for which CPU it is and how many vector registers it has.
func fields(r *inspect.Registers) []field {
	f := make([]field, 0, 192)
	add := func(name string, value any) { f = append(f, field{name, value}) }
	add("state", &r.State)
	add("rip", &r.RIP)
	for i, n := range inspect.GPRNames {
		add(n, &r.GPR[i])
	}
	add("rflags", &r.RFLAGS)
	segment := func(name string, s *inspect.Segment) {
		add(name, &s.Selector)
		add(name+".base", &s.Base)
		add(name+".limit", &s.Limit)
		add(name+".attr", &s.Attr)
	}
	for i, n := range inspect.SegmentNames {
		segment(n, &r.Seg[i])
	}
	segment("ldtr", &r.LDTR)
	segment("tr", &r.TR)
	add("gdtr.base", &r.GDTR.Base)
	add("gdtr.limit", &r.GDTR.Limit)
	add("idtr.base", &r.IDTR.Base)
	add("idtr.limit", &r.IDTR.Limit)
	add("cr0", &r.CR0)
	add("cr2", &r.CR2)
	add("cr3", &r.CR3)
	add("cr4", &r.CR4)
	add("cr8", &r.CR8)
	add("xcr0", &r.XCR0)
	add("efer", &r.EFER)
	for i := range r.DR {
		add(fmt.Sprintf("dr%d", i), &r.DR[i])
	}
	x := &r.X87
	add("fcw", &x.FCW)
	add("fsw", &x.FSW)
	add("ftw", &x.FTW)
	add("fop", &x.FOP)
	add("fip", &x.FIP)
	add("fdp", &x.FDP)
	for i := range x.ST {
		add(fmt.Sprintf("st%d", i), &x.ST[i])
	}
	add("mxcsr", &r.MXCSR)
	for i := range r.Vec {
		add(fmt.Sprintf("zmm%d", i), &r.Vec[i])
	}
	for i := range r.K {
		add(fmt.Sprintf("k%d", i), &r.K[i])
	}
	add("pkru", &r.PKRU)
	add("kernelgsbase", &r.KernelGSBase)
	add("star", &r.STAR)
	add("lstar", &r.LSTAR)
	add("cstar", &r.CSTAR)
	add("sfmask", &r.SFMASK)
	add("sysenter_cs", &r.SysenterCS)
	add("sysenter_esp", &r.SysenterESP)
	add("sysenter_eip", &r.SysenterEIP)
	add("cpl", &r.CPL)
	add("inhibit", &r.Inhibit)
	add("nmimasked", &r.NMIMasked)
	add("smm", &r.SMM)
	add("a20", &r.A20)
	return f
}

// Canonical is the name under which a register is known here: XMM and YMM registers are the low parts of ZMM registers. Case does not matter.
func Canonical(name string) string {
	name = strings.ToLower(name)
	if len(name) > 3 && (name[:3] == "xmm" || name[:3] == "ymm") {
		return "zmm" + name[3:]
	}
	return name
}

// IsRegister tells whether there is a register of that name.
func IsRegister(name string) bool { return find(new(inspect.Registers), name) != nil }

func find(r *inspect.Registers, name string) any {
	name = Canonical(name)
	for _, f := range fields(r) {
		if f.name == name {
			return f.value
		}
	}
	return nil
}

// NoRegister is an error that says that there is no register of that name, and what may be meant: a part of a register goes by the whole one's name.
func NoRegister(name string) error {
	var names []string
	for _, f := range fields(new(inspect.Registers)) {
		names = append(names, f.name)
	}
	return fmt.Errorf("there is no register %s%s", name, nearest.Hint(name, names))
}

// Get is the text of a register, as Set reads it; ok is false if there is no register of that name.
func Get(r *inspect.Registers, name string) (text string, ok bool) {
	p := find(r, name)
	if p == nil {
		return "", false
	}
	return format(p), true
}

// Set gives a register a value: a number as in Go; for st0 to st7 sign and exponent, a colon and the significand, both in hexadecimal.
func Set(r *inspect.Registers, name, text string) error {
	p := find(r, name)
	if p == nil {
		return NoRegister(name)
	}
	if err := parse(p, text); err != nil {
		return fmt.Errorf("%s=%s: %w", name, text, err)
	}
	return nil
}

var states = [...]string{inspect.CPURunning: "running", inspect.CPUHalted: "halted", inspect.CPUShutdown: "shutdown", inspect.CPUWaitSIPI: "wait-for-sipi"}

// format is the text of a value.
func format(p any) string {
	switch v := p.(type) {
	case *uint64:
		return fmt.Sprintf("%#x", *v)
	case *uint32:
		return fmt.Sprintf("%#x", *v)
	case *uint16:
		return fmt.Sprintf("%#x", *v)
	case *int:
		return strconv.Itoa(*v)
	case *bool:
		if *v {
			return "1"
		}
		return "0"
	case *inspect.CPUState:
		return states[*v&3]
	case *inspect.Float80:
		return fmt.Sprintf("%04x:%016x", v.Exponent, v.Significand)
	case *[8]uint64:
		var b strings.Builder
		for i := len(v) - 1; i >= 0; i-- {
			fmt.Fprintf(&b, "%016x", v[i])
		}
		digits := strings.TrimLeft(b.String(), "0")
		if digits == "" {
			digits = "0"
		}
		return "0x" + digits
	}
	return "?"
}

// parse is the reverse of format.
func parse(p any, text string) (err error) {
	number := func(bits int) uint64 {
		var n uint64
		n, err = strconv.ParseUint(text, 0, bits)
		if err != nil {
			err = fmt.Errorf("want a number of up to %d bits", bits)
		}
		return n
	}
	switch v := p.(type) {
	case *uint64:
		*v = number(64)
	case *uint32:
		*v = uint32(number(32))
	case *uint16:
		*v = uint16(number(16))
	case *int:
		*v = int(number(8))
	case *bool:
		*v = number(1) != 0
	case *inspect.CPUState:
		for i, s := range states {
			if s == text {
				*v = inspect.CPUState(i)
				return nil
			}
		}
		return fmt.Errorf("want one of %s", strings.Join(states[:], ", "))
	case *inspect.Float80:
		high, low, ok := strings.Cut(text, ":")
		e, err1 := strconv.ParseUint(high, 16, 16)
		s, err2 := strconv.ParseUint(low, 16, 64)
		if !ok || err1 != nil || err2 != nil {
			return fmt.Errorf("want sign and exponent (4 hexadecimal digits), a colon and the significand (16)")
		}
		*v = inspect.Float80{Exponent: uint16(e), Significand: s}
	case *[8]uint64:
		return parseVector(v, text)
	}
	return err
}

// parseVector reads up to 512 bits.
func parseVector(v *[8]uint64, text string) error {
	digits, ok := strings.CutPrefix(strings.ToLower(text), "0x")
	if !ok && text != "0" || digits == "" || len(digits) > 128 {
		return fmt.Errorf("want 0x and up to 128 hexadecimal digits")
	}
	*v = [8]uint64{}
	for i := 0; digits != ""; i++ {
		cut := max(len(digits)-16, 0)
		n, err := strconv.ParseUint(digits[cut:], 16, 64)
		if err != nil {
			return fmt.Errorf("want 0x and up to 128 hexadecimal digits")
		}
		v[i], digits = n, digits[:cut]
	}
	return nil
}
