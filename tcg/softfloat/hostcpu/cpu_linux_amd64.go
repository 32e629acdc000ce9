package hostcpu

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"syscall"
	"unsafe"
)

// State is the register state before and after an instruction. RSP is not loaded.
type State struct {
	FX      [512]byte // FXSAVE image: MXCSR and XMM; its x87 part is not used
	X87     [128]byte // FNSAVE image
	Mem     [128]byte // the memory operand
	GPR     [16]uint64
	Flags   uint64
	Trapped uint64 // the signal the instruction raised, SIGFPE, SIGILL or SIGSEGV, or 0

	YMMH [16][16]byte // bits 255..128 of the YMM registers; only with CPU.AVX
}

// Offsets in the page: the stub from 0, the handler, then a scratch area and the State.
const (
	pageSize   = 8192
	offHandler = 1024
	offRestore = 1280
	offScratch = 2048 // resume address, host MXCSR
	offState   = 4096
	maxInsn    = 15
)

// CPU is a page with the stub.
type CPU struct {
	page   []byte
	State  *State
	AVX    bool // the host has AVX
	insnAt int
	action sigaction
}

func call(fn uintptr)

// asm collects machine code at a position in the page.
type asm struct {
	page []byte
	pos  int
}

func (a *asm) emit(b ...byte) { a.pos += copy(a.page[a.pos:], b) }

// rip emits an instruction whose operand is [rip+disp32] of the page offset target.
func (a *asm) rip(target int, b ...byte) {
	a.emit(b...)
	binary.LittleEndian.PutUint32(a.page[a.pos:], uint32(target-(a.pos+4)))
	a.pos += 4
}

// New maps a page and installs the signal handler.
func New() (*CPU, error) {
	page, err := syscall.Mmap(-1, 0, pageSize, syscall.PROT_READ|syscall.PROT_WRITE|syscall.PROT_EXEC,
		syscall.MAP_PRIVATE|syscall.MAP_ANON)
	if err != nil {
		return nil, fmt.Errorf("map code page: %w", err)
	}
	c := &CPU{page: page, State: (*State)(unsafe.Pointer(&page[offState])), AVX: hostHas("avx")}
	c.stub()
	if err := c.handler(); err != nil {
		return nil, err
	}
	c.State.FX[24], c.State.FX[25] = 0x80, 0x1f
	binary.LittleEndian.PutUint16(c.State.FX[0:], 0x37f)
	binary.LittleEndian.PutUint16(c.State.X87[0:], 0x37f)
	binary.LittleEndian.PutUint16(c.State.X87[8:], 0xffff)
	return c, nil
}

// hostHas tells whether Linux names a feature of the CPU.
func hostHas(feature string) bool {
	info, err := os.ReadFile("/proc/cpuinfo")
	return err == nil && bytes.Contains(info, []byte(" "+feature+" "))
}

// ymm emits VINSERTF128 ymm, ymm, [target], 1 (opcode 18) or VEXTRACTF128 [target], ymm, 1 (19) of register i.
func (a *asm) ymm(target, i int, opcode byte) {
	r, vvvv := byte(0xe3), byte(15)
	if i >= 8 {
		r = 0x63
	}
	if opcode == 0x18 {
		vvvv = ^byte(i) & 15
	}
	a.rip(target-1, 0xc4, r, vvvv<<3|5, opcode, 0x05|byte(i&7<<3))
	a.emit(1)
}

func field(off uintptr) int { return offState + int(off) }

func (c *CPU) stub() {
	var s State
	fx, x87, flags := field(unsafe.Offsetof(s.FX)), field(unsafe.Offsetof(s.X87)), field(unsafe.Offsetof(s.Flags))
	ymmh := field(unsafe.Offsetof(s.YMMH))
	gpr := func(i int) int { return field(unsafe.Offsetof(s.GPR)) + 8*i }
	a := &asm{page: c.page}
	a.emit(0x53, 0x55, 0x41, 0x54, 0x41, 0x55, 0x41, 0x56, 0x41, 0x57) // push rbx rbp r12..r15
	a.rip(offScratch+8, 0x0f, 0xae, 0x1d)                              // stmxcsr
	a.rip(fx, 0x0f, 0xae, 0x0d)                                        // fxrstor
	for i := range 16 {
		if c.AVX {
			a.ymm(ymmh+16*i, i, 0x18)
		}
	}
	a.rip(x87, 0xdd, 0x25)   // frstor
	a.rip(flags, 0xff, 0x35) // push flags
	a.emit(0x9d)             // popfq
	for i := 0; i < 16; i++ {
		if i != 4 {
			a.rip(gpr(i), 0x48|byte(i>>3<<2), 0x8b, 0x05|byte(i&7<<3)) // mov r, [gpr]
		}
	}
	c.insnAt = a.pos
	for i := 0; i < maxInsn; i++ {
		a.emit(0x90)
	}
	resume := a.pos
	for i := 0; i < 16; i++ {
		if i != 4 {
			a.rip(gpr(i), 0x48|byte(i>>3<<2), 0x89, 0x05|byte(i&7<<3)) // mov [gpr], r
		}
	}
	a.emit(0x9c)                // pushfq
	a.rip(flags, 0x8f, 0x05)    // pop flags
	a.rip(x87, 0xdd, 0x35)      // fnsave
	a.rip(fx, 0x0f, 0xae, 0x05) // fxsave
	for i := range 16 {
		if c.AVX {
			a.ymm(ymmh+16*i, i, 0x19)
		}
	}
	if c.AVX {
		a.emit(0xc5, 0xf8, 0x77) // vzeroupper
	}
	a.rip(offScratch+8, 0x0f, 0xae, 0x15)                              // ldmxcsr
	a.emit(0xfc)                                                       // cld
	a.emit(0x41, 0x5f, 0x41, 0x5e, 0x41, 0x5d, 0x41, 0x5c, 0x5d, 0x5b) // pop r15..r12 rbp rbx
	a.emit(0xc3)
	binary.LittleEndian.PutUint64(c.page[offScratch:], uint64(c.base()+uintptr(resume)))
}

func (c *CPU) base() uintptr { return uintptr(unsafe.Pointer(&c.page[0])) }

// ucontextRIP is the offset of RIP in ucontext_t.
const ucontextRIP = 40 + 16*8

type sigaction struct {
	handler, flags, restorer uintptr
	mask                     uint64
}

func (c *CPU) handler() error {
	var s State
	a := &asm{page: c.page, pos: offHandler}
	a.rip(offScratch, 0x48, 0x8b, 0x05)                        // mov rax, [resume]
	a.emit(0x48, 0x89, 0x82)                                   // mov [rdx+ucontextRIP], rax
	a.emit(byte(ucontextRIP), ucontextRIP>>8, 0, 0)            //
	a.rip(field(unsafe.Offsetof(s.Trapped)), 0x48, 0x89, 0x3d) // mov [trapped], rdi: the signal
	a.emit(0xc3)
	a.pos = offRestore
	a.emit(0xb8, 15, 0, 0, 0, 0x0f, 0x05) // mov eax, rt_sigreturn; syscall
	const saSiginfo, saRestorer, saOnstack = 4, 0x04000000, 0x08000000
	act := sigaction{handler: c.base() + offHandler, flags: saSiginfo | saRestorer | saOnstack, restorer: c.base() + offRestore}
	c.action = act
	for _, sig := range []syscall.Signal{syscall.SIGFPE, syscall.SIGILL} {
		if e := setAction(sig, &act, nil); e != 0 {
			return fmt.Errorf("install handler of %v: %w", sig, e)
		}
	}
	return nil
}

func setAction(sig syscall.Signal, act, old *sigaction) syscall.Errno {
	_, _, e := syscall.RawSyscall6(syscall.SYS_RT_SIGACTION, uintptr(sig), uintptr(unsafe.Pointer(act)), uintptr(unsafe.Pointer(old)), 8, 0, 0)
	return e
}

// RunFaulting is Run of an instruction that may raise SIGSEGV, which Go's runtime handles at other times.
func (c *CPU) RunFaulting() {
	var old sigaction
	if e := setAction(syscall.SIGSEGV, &c.action, &old); e != 0 {
		panic(e)
	}
	c.Run()
	setAction(syscall.SIGSEGV, &old, nil)
}

// Load puts an instruction into the stub. If mem is not negative, it is the
// index in code of a ModRM byte with mod 0 and rm 5, followed by 4 bytes that
// are set so that the operand is State.Mem.
func (c *CPU) Load(code []byte, mem int) {
	b := c.page[c.insnAt : c.insnAt+maxInsn]
	for i := range b {
		b[i] = 0x90
	}
	copy(b, code)
	if mem >= 0 {
		var s State
		binary.LittleEndian.PutUint32(b[mem+1:], uint32(field(unsafe.Offsetof(s.Mem))-(c.insnAt+len(code))))
	}
}

// Run runs the loaded instruction on State.
func (c *CPU) Run() {
	c.State.Trapped = 0
	call(c.base())
}
