package bios

// Numbers of registers in State.GPR and of Call.R16, in the processor's encoding.
const (
	AX = iota
	CX
	DX
	BX
	SP
	BP
	SI
	DI
)

// Reg8 is an 8-bit register, in the processor's encoding.
type Reg8 uint8

// 8-bit registers.
const (
	AL Reg8 = iota
	CL
	DL
	BL
	AH
	CH
	DH
	BH
)

// Numbers of segment registers in State.Seg, in the processor's encoding.
const (
	ES = iota
	CS
	SS
	DS
	FS
	GS
)

// Bits of EFLAGS.
const (
	flagCF = 1 << 0
	flagZF = 1 << 6
	flagTF = 1 << 8
	flagIF = 1 << 9
	flagDF = 1 << 10
	flagVM = 1 << 17
)

// Segment is a segment register with its hidden part.
type Segment struct {
	Selector uint16
	Base     uint32
	Limit    uint32 // in bytes
	Attr     uint32 // as in bits 40-55 of a descriptor
}

const attrBig = 1 << 14 // D/B: offsets of 32 bits

// State is what a service sees of a processor: the registers as after the OUT that trapped.
type State struct {
	GPR    [8]uint32 // EAX ECX EDX EBX ESP EBP ESI EDI
	EIP    uint32
	EFLAGS uint32
	Seg    [6]Segment // ES CS SS DS FS GS
	CR0    uint32
	At     uint64 // physical address of CS:EIP
}

// CPU is a processor that has executed an OUT to TrapPort.
type CPU interface {
	// Load reads the registers; false: the processor is in a mode in which there are no services (long mode), or CS:EIP is not mapped.
	Load(*State) bool
	// Store writes back the registers that have changed since Load.
	Store(*State)
	// Access reads or writes memory at linear addresses as the code that runs could. What it could not access is left
	// out, with false.
	Access(linear uint64, p []byte, write bool) bool
}

// Result is how a service ended.
type Result int

// Results of services.
const (
	// Done: the guest goes on behind the trap.
	Done Result = iota
	// Again: the service has to wait, and has changed nothing that it reads. The stub halts with interrupts enabled until something
	// happens, and then the service is called once more.
	Again
)

// Call is one call of a service: the guest's registers and memory. It is valid until the service returns.
type Call struct {
	State
	// Key tells calls that wait apart: a call that comes again has the key of the first time. It is the linear address of
	// the top of the stack.
	Key   uint32
	Retry bool // the call was there before, and the service has returned Again

	live bool // flags are EFLAGS, not a word that IRET pops
	cpu  CPU
	fw   *Firmware
}

// R8 is an 8-bit register.
func (c *Call) R8(r Reg8) uint8 { return uint8(c.GPR[r&3] >> (8 * (r >> 2))) }

// SetR8 sets an 8-bit register.
func (c *Call) SetR8(r Reg8, v uint8) {
	shift := 8 * (r >> 2)
	c.GPR[r&3] = c.GPR[r&3]&^(0xff<<shift) | uint32(v)<<shift
}

// R16 is a 16-bit register: AX, CX ...
func (c *Call) R16(r int) uint16 { return uint16(c.GPR[r]) }

// SetR16 sets a 16-bit register. The upper half of the 32-bit register stays.
func (c *Call) SetR16(r int, v uint16) { c.GPR[r] = c.GPR[r]&^0xffff | uint32(v) }

// SetSeg loads a segment register as real mode does.
func (c *Call) SetSeg(n int, selector uint16) {
	c.Seg[n].Selector, c.Seg[n].Base = selector, uint32(selector)<<4
}

// Protected tells whether segment registers hold selectors of descriptors.
func (c *Call) Protected() bool { return c.CR0&1 != 0 && c.EFLAGS&flagVM == 0 }

// Addr is the linear address of an offset in a segment.
func (c *Call) Addr(seg int, off uint32) uint32 { return c.Seg[seg].Base + off }

// frame is the linear address of what IRET pops: IP, CS, FLAGS.
func (c *Call) frame() uint32 {
	sp := c.GPR[SP]
	if c.Seg[SS].Attr&attrBig == 0 || !c.Protected() {
		sp &= 0xffff
	}
	return c.Seg[SS].Base + sp
}

// Flags are the caller's flags.
func (c *Call) Flags() uint16 {
	if c.live {
		return uint16(c.EFLAGS)
	}
	return c.Word(c.frame() + 4)
}

// SetFlag sets or clears a bit of the caller's flags.
func (c *Call) SetFlag(bit uint16, on bool) {
	f := c.Flags() &^ bit
	if on {
		f |= bit
	}
	if c.live {
		c.EFLAGS = c.EFLAGS&^0xffff | uint32(f)
		return
	}
	c.SetWord(c.frame()+4, f)
}

// SetCF sets or clears the caller's carry flag, by which most services report failure.
func (c *Call) SetCF(on bool) { c.SetFlag(flagCF, on) }

// SetZF sets or clears the caller's zero flag.
func (c *Call) SetZF(on bool) { c.SetFlag(flagZF, on) }

// Caller is the CS:IP to which IRET goes.
func (c *Call) Caller() (cs, ip uint16) { return c.Word(c.frame() + 2), c.Word(c.frame()) }

// Read fills p from a linear address. What is not mapped reads as all ones.
func (c *Call) Read(linear uint32, p []byte) {
	if !c.cpu.Access(uint64(linear), p, false) {
		for i := range p {
			if !c.cpu.Access(uint64(linear+uint32(i)), p[i:i+1], false) {
				p[i] = 0xff
			}
		}
	}
}

// Write copies p to a linear address. What is not mapped ignores it.
func (c *Call) Write(linear uint32, p []byte) { c.cpu.Access(uint64(linear), p, true) }

// Byte reads a byte at a linear address.
func (c *Call) Byte(linear uint32) uint8 {
	b := c.fw.scratch[:1]
	c.Read(linear, b)
	return b[0]
}

// Word reads two bytes.
func (c *Call) Word(linear uint32) uint16 {
	b := c.fw.scratch[:2]
	c.Read(linear, b)
	return le.Uint16(b)
}

// Dword reads four bytes.
func (c *Call) Dword(linear uint32) uint32 {
	b := c.fw.scratch[:4]
	c.Read(linear, b)
	return le.Uint32(b)
}

// Qword reads eight bytes.
func (c *Call) Qword(linear uint32) uint64 {
	b := c.fw.scratch[:8]
	c.Read(linear, b)
	return le.Uint64(b)
}

// SetByte writes a byte at a linear address.
func (c *Call) SetByte(linear uint32, v uint8) {
	b := c.fw.scratch[:1]
	b[0] = v
	c.Write(linear, b)
}

// SetWord writes two bytes.
func (c *Call) SetWord(linear uint32, v uint16) {
	b := c.fw.scratch[:2]
	le.PutUint16(b, v)
	c.Write(linear, b)
}

// SetDword writes four bytes.
func (c *Call) SetDword(linear uint32, v uint32) {
	b := c.fw.scratch[:4]
	le.PutUint32(b, v)
	c.Write(linear, b)
}

// SetQword writes eight bytes.
func (c *Call) SetQword(linear uint32, v uint64) {
	b := c.fw.scratch[:8]
	le.PutUint64(b, v)
	c.Write(linear, b)
}

// Vector reads an interrupt vector.
func (c *Call) Vector(n int) (segment, offset uint16) {
	return c.Word(uint32(4*n + 2)), c.Word(uint32(4 * n))
}

// SetVector sets an interrupt vector.
func (c *Call) SetVector(n int, segment, offset uint16) {
	c.SetWord(uint32(4*n), offset)
	c.SetWord(uint32(4*n+2), segment)
}

// jump has the guest go on at a real-mode address.
func (c *Call) jump(segment, offset uint16) {
	c.SetSeg(CS, segment)
	c.EIP = uint32(offset)
}

// push16 pushes a word on the caller's stack.
func (c *Call) push16(v uint16) {
	c.SetR16(SP, c.R16(SP)-2)
	c.SetWord(c.Seg[SS].Base+uint32(c.R16(SP)), v)
}

// pop16 pops a word.
func (c *Call) pop16() uint16 {
	v := c.Word(c.Seg[SS].Base + uint32(c.R16(SP)))
	c.SetR16(SP, c.R16(SP)+2)
	return v
}
