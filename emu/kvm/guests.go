package kvm

import (
	"encoding/binary"
	"slices"
)

// The memory of a probe.
const (
	probeRAM  = 0x2_0000
	probePort = 0x80 // of the result: 1 is well

	probeGDT     = 0x500
	probeIDT     = 0x1000
	probeTSS     = 0x3000
	probeTables  = 0x4000 // three pages: all of the memory, for both rings
	probeCode    = 0x8000
	probeInt     = 0x8800 // handler of INT 40h
	probeSyscall = 0x8900 // handler of SYSCALL
	probeStack0  = 0xe000 // of ring 0 when ring 3 is interrupted
	probeStack   = 0xf000
)

// Selectors of the probes' GDT, in the order that SYSCALL and SYSRET want.
const (
	selCode0 = 0x08
	selData0 = 0x10
	selSys3  = 0x18
	selData3 = 0x20
	selCode3 = 0x28
	selTSS   = 0x30
)

// kind is the mode that a guest starts in.
type kind struct {
	bits int // 16, 32, 64
	ring uint8
}

// guest is a program that sets ZF if all is well. It then tells that, and counts in RCX.
type guest struct {
	name  string
	kind  kind
	code  []byte
	steps int // of one byte each, to be stepped over

	measured bool // its speed is asked for
}

// guests are the probes. They use 0x9000 and 0xa000 for data.
var guests = []guest{
	{ProbeReal, kind{16, 0}, []byte{
		0xb8, 0x34, 0x12, // mov ax, 0x1234
		0x50,       // push ax
		0x5b,       // pop bx
		0x01, 0xd8, // add ax, bx
		0x3d, 0x68, 0x24, // cmp ax, 0x2468
	}, 0, true},
	{Probe32, kind{32, 0}, code32, 0, true},
	{Probe32User, kind{32, 3}, code32, 0, true},
	{Probe64, kind{64, 0}, code64, 0, true},
	{Probe64User, kind{64, 3}, code64, 0, true},
	{ProbeSSE, kind{64, 0}, []byte{
		0xb8, 21, 0, 0, 0, // mov eax, 21
		0x66, 0x0f, 0x6e, 0xc0, // movd xmm0, eax
		0x66, 0x0f, 0xfe, 0xc0, // paddd xmm0, xmm0
		0x0f, 0x11, 0x04, 0x25, 0x00, 0x90, 0, 0, // movups [0x9000], xmm0
		0x0f, 0x10, 0x0c, 0x25, 0x00, 0x90, 0, 0, // movups xmm1, [0x9000]
		0x66, 0x0f, 0x7e, 0xc8, // movd eax, xmm1
		0x3c, 42, // cmp al, 42
	}, 0, false},
	{ProbeX87, kind{64, 0}, []byte{
		0xdb, 0xe3, // fninit
		0xd9, 0xe8, // fld1
		0xd9, 0xe8, // fld1
		0xde, 0xc1, // faddp
		0xdf, 0x1c, 0x25, 0x00, 0x90, 0, 0, // fistp word [0x9000]
		0x80, 0x3c, 0x25, 0x00, 0x90, 0, 0, 2, // cmp byte [0x9000], 2
	}, 0, false},
	{ProbeREP, kind{64, 0}, []byte{
		0xfc,                   // cld
		0xbf, 0x00, 0x90, 0, 0, // mov edi, 0x9000
		0xb9, 0x00, 0x04, 0, 0, // mov ecx, 0x400
		0xb0, 0xa5, // mov al, 0xa5
		0xf3, 0xaa, // rep stosb
		0xbe, 0x00, 0x90, 0, 0, // mov esi, 0x9000
		0xbf, 0x00, 0xa0, 0, 0, // mov edi, 0xa000
		0xb9, 0x00, 0x01, 0, 0, // mov ecx, 0x100
		0xf3, 0xa5, // rep movsd
		0x80, 0x3c, 0x25, 0xff, 0xa3, 0, 0, 0xa5, // cmp byte [0xa3ff], 0xa5
	}, 0, false},
	{ProbeInterrupt, kind{64, 3}, []byte{
		0xcd, 0x40, // int 0x40
		0x3c, 0x77, // cmp al, 0x77
	}, 0, false},
	{ProbeSyscall, kind{64, 3}, []byte{
		0x0f, 0x05, // syscall
		0x3c, 0x66, // cmp al, 0x66
	}, 0, false},
	{ProbeStep, kind{64, 0}, []byte{
		0x90, 0x90, 0x90, // nop; nop; nop
		0x38, 0xc0, // cmp al, al
	}, 3, false},
}

var (
	code32 = []byte{
		0xb8, 0x78, 0x56, 0x34, 0x12, // mov eax, 0x12345678
		0x50,       // push eax
		0x5b,       // pop ebx
		0x01, 0xd8, // add eax, ebx
		0x3d, 0xf0, 0xac, 0x68, 0x24, // cmp eax, 0x2468acf0
	}
	code64 = []byte{
		0x48, 0xb8, 8, 7, 6, 5, 4, 3, 2, 1, // mov rax, 0x0102030405060708
		0x50,       // push rax
		0x41, 0x58, // pop r8
		0x4c, 0x39, 0xc0, // cmp rax, r8
	}

	// What all end with: whether the comparison was equal, and counting.
	tell = []byte{
		0x0f, 0x94, 0xc0, // sete al
		0xe6, probePort, // out 0x80, al
	}
	count = map[int][]byte{
		16: {0x66, 0x41, 0xeb, 0xfc}, // inc ecx; jmp to it
		32: {0x41, 0xeb, 0xfd},
		64: {0x48, 0xff, 0xc1, 0xeb, 0xfb}, // inc rcx; jmp to it
	}
)

// Bits of control registers, RFLAGS and EFER (SDM vol. 3A 2.5, 2.2.1; vol. 1 3.4.3).
const (
	cr0PE, cr0MP, cr0NE, cr0PG = 1 << 0, 1 << 1, 1 << 5, 1 << 31
	cr4PAE, cr4OSFXSR          = 1 << 5, 1 << 9
	eferSCE, eferLME, eferLMA  = 1 << 0, 1 << 8, 1 << 10
	flagsFixed, flagsIOPL3     = 1 << 1, 3 << 12
	msrSTAR, msrLSTAR          = 0xc000_0081, 0xc000_0082
)

// segment is flat, code or data, of a ring, for code of a size.
func segment(selector uint16, code bool, k kind) Segment {
	s := Segment{Limit: 0xffff_ffff, Selector: selector | uint16(k.ring), Type: 3, Present: 1, DPL: k.ring, S: 1, G: 1, DB: 1}
	if code {
		s.Type = 11
		if k.bits == 64 {
			s.L, s.DB = 1, 0
		}
	}
	return s
}

// descriptor is the segment's as in a GDT (SDM vol. 3A 3.4.5).
func (s Segment) descriptor() uint64 {
	limit := uint64(s.Limit)
	if s.G != 0 {
		limit >>= 12
	}
	return limit&0xffff | s.Base&0xff_ffff<<16 | uint64(s.Type)<<40 | uint64(s.S)<<44 | uint64(s.DPL)<<45 | uint64(s.Present)<<47 |
		limit>>16<<48 | uint64(s.AVL)<<52 | uint64(s.L)<<53 | uint64(s.DB)<<54 | uint64(s.G)<<55 | s.Base>>24&0xff<<56
}

// prepare puts the guest into memory and the processor into its mode.
func (p *probe) prepare() error {
	k := p.guest.kind
	copy(p.ram[probeCode:], slices.Concat(p.guest.code, tell, count[k.bits]))
	copy(p.ram[probeInt:], []byte{0xb0, 0x77, 0x48, 0xcf})           // mov al, 0x77; iretq
	copy(p.ram[probeSyscall:], []byte{0xb0, 0x66, 0x48, 0x0f, 0x07}) // mov al, 0x66; sysretq
	s := p.fresh
	r := Regs{RIP: probeCode, RSP: probeStack, RFLAGS: flagsFixed}
	if k.bits == 16 {
		s.CS.Base, s.CS.Selector = 0, 0
	} else {
		p.protected(&s)
		r.RFLAGS |= flagsIOPL3
	}
	if k.bits == 64 {
		p.long(&s)
	}
	if err := p.cpu.SetSregs(&s); err != nil {
		return err
	}
	if k.bits == 64 {
		star := uint64(selCode0)<<32 | uint64(selSys3|3)<<48
		if _, err := p.cpu.SetMSRs([]MSR{{Index: msrSTAR, Data: star}, {Index: msrLSTAR, Data: probeSyscall}}); err != nil {
			return err
		}
	}
	return p.cpu.SetRegs(&r)
}

// put writes 8 bytes.
func (p *probe) put(at int, v uint64) { binary.LittleEndian.PutUint64(p.ram[at:], v) }

// protected makes protected mode without paging, with a GDT and a TSS.
func (p *probe) protected(s *Sregs) {
	k := p.guest.kind
	code, data := uint16(selCode0), uint16(selData0)
	if k.ring == 3 {
		code, data = selCode3, selData3
	}
	s.CS, s.DS = segment(code, true, k), segment(data, false, k)
	s.ES, s.FS, s.GS, s.SS = s.DS, s.DS, s.DS, s.DS
	s.TR = Segment{Base: probeTSS, Limit: 0x67, Selector: selTSS, Type: 11, Present: 1}
	s.LDT = Segment{Unusable: 1}
	s.GDT = DTable{Base: probeGDT, Limit: selTSS + 16 - 1}
	s.IDT = DTable{Base: probeIDT, Limit: 0xfff}
	s.CR0 = cr0PE | cr0MP | cr0NE
	s.CR4 = cr4OSFXSR

	ring := func(n uint8) kind { return kind{k.bits, n} }
	p.put(probeGDT+selCode0, segment(selCode0, true, ring(0)).descriptor())
	p.put(probeGDT+selData0, segment(selData0, false, ring(0)).descriptor())
	p.put(probeGDT+selSys3, segment(selSys3, true, kind{32, 3}).descriptor())
	p.put(probeGDT+selData3, segment(selData3, false, ring(3)).descriptor())
	p.put(probeGDT+selCode3, segment(selCode3, true, ring(3)).descriptor())
	p.put(probeGDT+selTSS, s.TR.descriptor())
}

// long adds long mode, with page tables, and a gate for INT 40h (SDM vol. 3A 4.5, 6.14.1, 7.7).
func (p *probe) long(s *Sregs) {
	const table, page = 0x7, 0x87 // present, writable, user; a page of 2 MiB
	p.put(probeTables, probeTables+0x1000|table)
	p.put(probeTables+0x1000, probeTables+0x2000|table)
	p.put(probeTables+0x2000, page)
	s.CR3 = probeTables
	s.CR4 |= cr4PAE
	s.CR0 |= cr0PG
	s.EFER = eferSCE | eferLME | eferLMA
	binary.LittleEndian.PutUint64(p.ram[probeTSS+4:], probeStack0)
	const gate = 0xee << 40 // present, DPL 3, 64-bit interrupt gate
	p.put(probeIDT+0x40*16, probeInt&0xffff|selCode0<<16|gate)
}
