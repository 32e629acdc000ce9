package gdb

import (
	"fmt"
	"strings"

	"goemu/emu/inspect"
)

// target is what gdb is told of the registers.
type target struct {
	regs []register
	size int    // of all, in bytes
	xml  string // of qXfer:features:read:target.xml
}

// newTarget describes the CPU of which r is the state. long: it has 64-bit mode.
func newTarget(r *inspect.Registers, long bool) *target {
	arch, vectors := "i386:x86-64", 16
	if !long {
		arch, vectors = "i386", 8
	}
	features := []feature{{"org.gnu.gdb.i386.core", flagsXML("i386_eflags", 32, eflagsBits), coreRegs(long)}}
	if r.Vectors > 0 {
		regs := append(vectorRegs("xmm", "", "vec128", 0, vectors, 0, 2),
			field("mxcsr", "i386_mxcsr", "vector", func(r *inspect.Registers) *uint32 { return &r.MXCSR }))
		features = append(features, feature{"org.gnu.gdb.i386.sse", vec128XML + flagsXML("i386_mxcsr", 32, mxcsrBits), regs})
	}
	if r.VectorBytes >= 32 {
		features = append(features, feature{"org.gnu.gdb.i386.avx", "", vectorRegs("ymm", "h", "uint128", 0, vectors, 2, 2)})
	}
	if long && r.VectorBytes >= 64 {
		features = append(features, feature{"org.gnu.gdb.i386.avx512", vec128XML + `<vector id="v2ui128" type="uint128" count="2"/>`, avx512Regs()})
	}
	bits, system := 64, systemRegs(long)
	if long {
		features = append(features, feature{"org.gnu.gdb.i386.segments", "", baseRegs(long)})
	} else {
		bits, system = 32, append(baseRegs(long), system...) // gdb knows bases of 64 bits alone
	}
	features = append(features, feature{"org.goemu.i386.system",
		flagsXML("cr0", bits, cr0Bits) + flagsXML("cr4", bits, cr4Bits) + flagsXML("efer", bits, eferBits), system})

	t := &target{}
	var b strings.Builder
	fmt.Fprintf(&b, `<?xml version="1.0"?><!DOCTYPE target SYSTEM "gdb-target.dtd"><target version="1.0"><architecture>%s</architecture>`, arch)
	for _, f := range features {
		fmt.Fprintf(&b, "\n<feature name=%q>%s", f.name, f.types)
		for _, reg := range f.regs {
			fmt.Fprintf(&b, "\n<reg name=%q bitsize=\"%d\" type=%q", reg.name, reg.bits, reg.typ)
			if reg.group != "" {
				fmt.Fprintf(&b, " group=%q", reg.group)
			}
			fmt.Fprintf(&b, " regnum=\"%d\"/>", len(t.regs))
			t.regs = append(t.regs, reg)
			t.size += reg.bits / 8
		}
		b.WriteString("\n</feature>")
	}
	b.WriteString("\n</target>\n")
	t.xml = b.String()
	return t
}

// read gives all registers, one after the other.
func (t *target) read(r *inspect.Registers) []byte {
	p := make([]byte, t.size)
	at := 0
	for _, reg := range t.regs {
		n := reg.bits / 8
		reg.get(r, p[at:at+n])
		at += n
	}
	return p
}

// write takes all registers that p has, as read gives them.
func (t *target) write(r *inspect.Registers, p []byte) {
	for _, reg := range t.regs {
		n := reg.bits / 8
		if len(p) < n {
			return
		}
		reg.set(r, p[:n])
		p = p[n:]
	}
}

// vec128XML is the type of an XMM register: gdb shows it as all of these.
const vec128XML = `
<vector id="v4f" type="ieee_single" count="4"/>
<vector id="v2d" type="ieee_double" count="2"/>
<vector id="v16i8" type="int8" count="16"/>
<vector id="v8i16" type="int16" count="8"/>
<vector id="v4i32" type="int32" count="4"/>
<vector id="v2i64" type="int64" count="2"/>
<union id="vec128"><field name="v4_float" type="v4f"/><field name="v2_double" type="v2d"/>` +
	`<field name="v16_int8" type="v16i8"/><field name="v8_int16" type="v8i16"/><field name="v4_int32" type="v4i32"/>` +
	`<field name="v2_int64" type="v2i64"/><field name="uint128" type="uint128"/></union>`

// bitField is a named part of a register.
type bitField struct {
	name        string
	first, last int
}

// Names of bits as the SDM has them (vol. 1 3.4.3 and 10.2.3, vol. 3A 2.5 and 2.2.1).
var (
	eflagsBits = bitNames("CF:0 PF:2 AF:4 ZF:6 SF:7 TF:8 IF:9 DF:10 OF:11 IOPL:12-13 NT:14 RF:16 VM:17 AC:18 VIF:19 VIP:20 ID:21")
	mxcsrBits  = bitNames("IE:0 DE:1 ZE:2 OE:3 UE:4 PE:5 DAZ:6 IM:7 DM:8 ZM:9 OM:10 UM:11 PM:12 RC:13-14 FZ:15")
	cr0Bits    = bitNames("PE:0 MP:1 EM:2 TS:3 ET:4 NE:5 WP:16 AM:18 NW:29 CD:30 PG:31")
	cr4Bits    = bitNames("VME:0 PVI:1 TSD:2 DE:3 PSE:4 PAE:5 MCE:6 PGE:7 PCE:8 OSFXSR:9 OSXMMEXCPT:10 UMIP:11 LA57:12 VMXE:13 SMXE:14 FSGSBASE:16 PCIDE:17 " +
		"OSXSAVE:18 SMEP:20 SMAP:21 PKE:22")
	eferBits = bitNames("SCE:0 LME:8 LMA:10 NXE:11 SVME:12 LMSLE:13 FFXSR:14")
)

// bitNames reads "NAME:BIT NAME:FIRST-LAST ...".
func bitNames(s string) (fields []bitField) {
	for _, w := range strings.Fields(s) {
		name, bits, _ := strings.Cut(w, ":")
		f := bitField{name: name}
		if n, _ := fmt.Sscanf(bits, "%d-%d", &f.first, &f.last); n == 1 {
			f.last = f.first
		}
		fields = append(fields, f)
	}
	return fields
}

// flagsXML is a type that gdb shows by the names of the bits that are set.
func flagsXML(id string, bits int, fields []bitField) string {
	var b strings.Builder
	fmt.Fprintf(&b, "\n<flags id=%q size=\"%d\">", id, bits/8)
	for _, f := range fields {
		fmt.Fprintf(&b, `<field name=%q start="%d" end="%d"/>`, f.name, f.first, f.last)
	}
	b.WriteString("</flags>")
	return b.String()
}
