package rows

import (
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"unsafe"

	"goemu/decoder"
)

// The user address space: code, three pages of data of which the last is read-only, nothing around them.
// Both are below 2 GiB, so that 32-bit addresses reach them.
const (
	codeBase = 0x10000000
	codeSize = 0x4000
	dataBase = 0x20000000
	dataSize = 0x3000
	dataRW   = 0x2000 // of which this is writable
)

// Selectors of Linux, and those in the child's LDT.
const (
	userCS32 = 0x23
	userDS   = 0x2b
	userCS64 = 0x33
	ldtCS16  = 0x07
	ldtDS16  = 0x0f // the data
	ldtES16  = 0x17 // the data from its second page on
	ldtFS32  = 0x1f // the data, with a 32-bit stack pointer if it is SS
)

// Layout of the file that the test and the child share. The child maps all of it, and the pages of code and data again
// at their places.
const (
	ctlAt     = 0
	codeAt    = 0x1000
	dataAt    = codeAt + codeSize
	altAt     = 0x10000
	altSize   = 0x10000
	recordsAt = altAt + altSize
	numCases  = 1024
	shareSize = recordsAt + numCases*recordSize

	shareBase = 0x5a5b00000000 // where the child has it
	textBase  = 0x5a5a5a000000
	textSize  = 0x2000
)

// record is a case for the child: the state before it, which the handler replaces by the state after it.
type record struct {
	// struct sigcontext up to the pointer to the FPU's state.
	R8, R9, R10, R11, R12, R13, R14, R15, DI, SI, BP, BX, DX, AX, CX, SP, IP, Flags uint64
	CS, _, _, SS                                                                    uint16
	Err, Trap, OldMask, CR2                                                         uint64

	Window, WindowLen uint64    // memory that is part of the case, in the writable pages
	Seg               [4]uint64 // DS ES FS GS
	FSBase, GSBase    uint64
	_                 uint64
	FP                [832]byte // XSAVE: legacy area, header, upper halves of YMM
	Mem               [windowMax]byte
}

const (
	recordSize = 2048
	windowMax  = recordSize - 1088
)

// gpr gives the place of general register n.
func (r *record) gpr(n int) *uint64 {
	return [16]*uint64{&r.AX, &r.CX, &r.DX, &r.BX, &r.SP, &r.BP, &r.SI, &r.DI, &r.R8, &r.R9, &r.R10, &r.R11, &r.R12, &r.R13, &r.R14, &r.R15}[n]
}

// child is the process on the host. It belongs to one mode, as that decides its segments.
type child struct {
	share    []byte
	in       io.WriteCloser
	out      io.ReadCloser
	template record // a state as the kernel stores it
}

// assembler collects the child's machine code.
type assembler struct{ b []byte }

func (a *assembler) emit(b ...byte) { a.b = append(a.b, b...) }

// imm64 emits MOV of a constant to a register (RAX 0 ... R15 15).
func (a *assembler) imm64(reg int, v uint64) {
	a.emit(0x48|byte(reg>>3), 0xb8|byte(reg&7))
	a.b = binary.LittleEndian.AppendUint64(a.b, v)
}

// syscall emits a system call, and a crash where it fails.
func (a *assembler) syscall(nr uint64, args ...uint64) {
	for i, v := range args {
		a.imm64([6]int{7, 6, 2, 10, 8, 9}[i], v)
	}
	a.imm64(0, nr)
	a.emit(0x0f, 0x05)       // syscall
	a.emit(0x48, 0x85, 0xc0) // test rax, rax
	a.emit(0x79, 0x02)       // jns +2
	a.emit(0x0f, 0x0b)       // ud2
}

// field emits an instruction whose memory operand is [rbx+off].
func (a *assembler) field(off uintptr, b ...byte) {
	a.emit(b...)
	a.b = binary.LittleEndian.AppendUint32(a.b, uint32(off))
}

// Offsets in the text page.
const (
	handlerAt  = 0x800
	restorerAt = 0xc00
	constsAt   = 0xd00
)

// handler is the child's signal handler: RDX is the ucontext, whose sigcontext begins at 40.
func handler() []byte {
	const words, fp = 23, 40 + 184
	var r record
	a := &assembler{}
	a.emit(0x68, 2, 2, 0, 0, 0x9d)                          // push 0x202; popfq: AC, NT and ID go
	a.imm64(0, shareBase+ctlAt)                             // mov rax, ctl
	a.emit(0x48, 0x8b, 0x18)                                // mov rbx, [rax]
	a.emit(0x49, 0x89, 0xd0)                                // mov r8, rdx
	a.emit(0x48, 0x8d, 0x72, 40)                            // lea rsi, [rdx+40]
	a.emit(0x48, 0x89, 0xdf)                                // mov rdi, rbx
	a.emit(0xb9, words, 0, 0, 0)                            // mov ecx, words
	a.emit(0xf3, 0x48, 0xa5)                                // rep movsq
	a.emit(0x49, 0x8b, 0xb0, fp, 0, 0, 0)                   // mov rsi, [r8+fp]
	a.field(unsafe.Offsetof(r.FP), 0x48, 0x8d, 0xbb)        // lea rdi, [rbx+FP]
	a.emit(0xb9, byte(len(r.FP)/8), 0, 0, 0)                // mov ecx
	a.emit(0xf3, 0x48, 0xa5)                                // rep movsq
	a.field(unsafe.Offsetof(r.Window), 0x48, 0x8b, 0xb3)    // mov rsi, [rbx+Window]
	a.field(unsafe.Offsetof(r.Mem), 0x48, 0x8d, 0xbb)       // lea rdi, [rbx+Mem]
	a.field(unsafe.Offsetof(r.WindowLen), 0x48, 0x8b, 0x8b) // mov rcx, [rbx+WindowLen]
	a.emit(0xf3, 0xa4)                                      // rep movsb
	for i, modrm := range []byte{0xd9, 0xc1, 0xe1, 0xe9} {
		a.emit(0x8c, modrm)                                            // mov ecx, ds...
		a.field(unsafe.Offsetof(r.Seg)+8*uintptr(i), 0x48, 0x89, 0x8b) // mov [rbx+Seg], rcx
	}
	a.emit(0xf3, 0x48, 0x0f, 0xae, 0xc1)                 // rdfsbase rcx
	a.field(unsafe.Offsetof(r.FSBase), 0x48, 0x89, 0x8b) // mov [rbx+FSBase], rcx
	a.emit(0xf3, 0x48, 0x0f, 0xae, 0xc9)                 // rdgsbase rcx
	a.field(unsafe.Offsetof(r.GSBase), 0x48, 0x89, 0x8b) // mov [rbx+GSBase], rcx
	a.field(recordSize, 0x48, 0x81, 0xc3)                // add rbx, recordSize
	a.emit(0x48, 0x89, 0x18)                             // mov [rax], rbx
	a.emit(0x48, 0x3b, 0x58, 8)                          // cmp rbx, [rax+8]
	a.emit(0x75, 0)                                      // jne load
	jne := len(a.b)
	a.syscall(1, 1, shareBase+ctlAt+64, 1) // write: the batch is done
	a.syscall(0, 0, shareBase+ctlAt+64, 1) // read: the next is there
	a.imm64(0, shareBase+ctlAt)
	a.emit(0x48, 0x8b, 0x18) // mov rbx, [rax]
	a.b[jne-1] = byte(len(a.b) - jne)
	a.field(unsafe.Offsetof(r.Window), 0x48, 0x8b, 0xbb)    // load: mov rdi, [rbx+Window]
	a.field(unsafe.Offsetof(r.Mem), 0x48, 0x8d, 0xb3)       // lea rsi, [rbx+Mem]
	a.field(unsafe.Offsetof(r.WindowLen), 0x48, 0x8b, 0x8b) // mov rcx, [rbx+WindowLen]
	a.emit(0xf3, 0xa4)                                      // rep movsb
	a.emit(0x48, 0x89, 0xde)                                // mov rsi, rbx
	a.emit(0x49, 0x8d, 0x78, 40)                            // lea rdi, [r8+40]
	a.emit(0xb9, words, 0, 0, 0)                            // mov ecx, words
	a.emit(0xf3, 0x48, 0xa5)                                // rep movsq
	a.emit(0x49, 0x8b, 0xb8, fp, 0, 0, 0)                   // mov rdi, [r8+fp]
	a.field(unsafe.Offsetof(r.FP), 0x48, 0x8d, 0xb3)        // lea rsi, [rbx+FP]
	a.emit(0xb9, byte(len(r.FP)/8), 0, 0, 0)                // mov ecx
	a.emit(0xf3, 0x48, 0xa5)                                // rep movsq
	for i, modrm := range []byte{0x9b, 0x83, 0xa3, 0xab} {
		a.field(unsafe.Offsetof(r.Seg)+8*uintptr(i), 0x8e, modrm) // mov ds, [rbx+Seg]...
	}
	a.field(unsafe.Offsetof(r.FSBase), 0x48, 0x8b, 0x8b) // mov rcx, [rbx+FSBase]
	a.emit(0xf3, 0x48, 0x0f, 0xae, 0xd1)                 // wrfsbase rcx
	a.field(unsafe.Offsetof(r.GSBase), 0x48, 0x8b, 0x8b) // mov rcx, [rbx+GSBase]
	a.emit(0xf3, 0x48, 0x0f, 0xae, 0xd9)                 // wrgsbase rcx
	a.emit(0xc3)                                         // ret
	return a.b
}

// text is the child's program: it maps its memory, makes its segments, installs the handler and enters it.
func text() []byte {
	const (
		mmap, protR, protW, protX  = 9, 1, 2, 4
		shared, fixed, populate    = 1, 0x10, 0x8000
		sigaction, sigaltstack     = 13, 131
		modifyLDT, writeLDT        = 154, 0x11
		siginfo, restorer, onstack = 4, 0x04000000, 0x08000000
	)
	p := make([]byte, textSize)
	le := binary.LittleEndian
	consts := constsAt
	put := func(v ...uint64) uint64 {
		at := consts
		for _, x := range v {
			le.PutUint64(p[consts:], x)
			consts += 8
		}
		return textBase + uint64(at)
	}
	a := &assembler{}
	fd := uint64(3)
	a.syscall(mmap, shareBase, shareSize, protR|protW, shared|fixed|populate, fd, 0)
	a.syscall(mmap, codeBase, codeSize, protR|protX, shared|fixed|populate, fd, codeAt)
	a.syscall(mmap, dataBase, dataRW, protR|protW, shared|fixed|populate, fd, dataAt)
	a.syscall(mmap, dataBase+dataRW, dataSize-dataRW, protR, shared|fixed|populate, fd, dataAt+dataRW)
	for i, d := range ldt {
		desc := put(uint64(i)|uint64(d.base)<<32, uint64(d.limit)|uint64(d.flags)<<32)
		a.syscall(modifyLDT, writeLDT, desc, 16)
	}
	a.syscall(sigaltstack, put(shareBase+altAt, 0, altSize), 0)
	act := put(textBase+handlerAt, siginfo|restorer|onstack, textBase+restorerAt, 0)
	for _, sig := range []syscall.Signal{syscall.SIGSEGV, syscall.SIGBUS, syscall.SIGFPE, syscall.SIGILL, syscall.SIGTRAP} {
		a.syscall(sigaction, uint64(sig), act, 0, 8)
	}
	a.emit(0xcc)
	copy(p, a.b)
	copy(p[handlerAt:], handler())
	copy(p[restorerAt:], []byte{0xb8, 15, 0, 0, 0, 0x0f, 0x05}) // mov eax, rt_sigreturn; syscall
	return p
}

// ldt is the child's LDT, in the terms of modify_ldt(2). goemu gets the same.
var ldt = []struct{ base, limit, flags uint32 }{
	{codeBase, codeSize - 1, 0x44},
	{dataBase, dataSize - 1, 0x40},
	{dataBase + 0x1000, dataSize - 0x1000 - 1, 0x40},
	{dataBase, dataSize - 1, 0x41},
}

// elf makes an executable with one segment: text.
func elf() []byte {
	le := binary.LittleEndian
	b := make([]byte, 0x1000, 0x1000+textSize)
	copy(b, "\x7fELF\x02\x01\x01")
	le.PutUint16(b[16:], 2)  // ET_EXEC
	le.PutUint16(b[18:], 62) // EM_X86_64
	le.PutUint32(b[20:], 1)
	le.PutUint64(b[24:], textBase)
	le.PutUint64(b[32:], 64)
	le.PutUint16(b[52:], 64)
	le.PutUint16(b[54:], 56)
	le.PutUint16(b[56:], 1)
	le.PutUint32(b[64:], 1) // PT_LOAD
	le.PutUint32(b[68:], 5)
	for i, v := range []uint64{0x1000, textBase, textBase, textSize, textSize, 0x1000} {
		le.PutUint64(b[72+8*i:], v)
	}
	return append(b, text()...)
}

// newChild starts the process and waits until it is in its handler.
func newChild(t *testing.T) *child {
	t.Helper()
	if n := unsafe.Sizeof(record{}); n != recordSize {
		t.Fatalf("a record has %d bytes", n)
	}
	const memfdCreate = 319
	name := []byte("rows\x00")
	fd, _, e := syscall.RawSyscall(memfdCreate, uintptr(unsafe.Pointer(&name[0])), 1, 0)
	if e != 0 {
		t.Fatalf("memfd_create: %v", e)
	}
	file := os.NewFile(fd, "rows")
	defer file.Close()
	if err := file.Truncate(shareSize); err != nil {
		t.Fatal(err)
	}
	c := &child{}
	var err error
	c.share, err = syscall.Mmap(int(fd), 0, shareSize, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "child")
	if err := os.WriteFile(path, elf(), 0o700); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path)
	cmd.ExtraFiles = []*os.File{file}
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if c.in, err = cmd.StdinPipe(); err == nil {
		c.out, err = cmd.StdoutPipe()
	}
	if err != nil {
		t.Fatal(err)
	}
	c.control(0, 1)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		_ = syscall.Munmap(c.share)
	})
	if err := c.wait(); err != nil {
		t.Fatalf("child does not come up: %v", err)
	}
	c.template = *c.records(1)[0]
	return c
}

// control sets the cases that the handler runs: from first up to last.
func (c *child) control(first, last int) {
	binary.LittleEndian.PutUint64(c.share[ctlAt:], uint64(shareBase+recordsAt+first*recordSize))
	binary.LittleEndian.PutUint64(c.share[ctlAt+8:], uint64(shareBase+recordsAt+last*recordSize))
}

func (c *child) wait() error {
	var b [1]byte
	if _, err := io.ReadFull(c.out, b[:]); err != nil {
		return fmt.Errorf("child died in case %d: %w",
			(binary.LittleEndian.Uint64(c.share[ctlAt:])-shareBase-recordsAt)/recordSize, err)
	}
	return nil
}

// records gives the first n records.
func (c *child) records(n int) []*record {
	r := make([]*record, n)
	for i := range r {
		r[i] = (*record)(unsafe.Pointer(&c.share[recordsAt+i*recordSize]))
	}
	return r
}

// code and data are the pages that the child sees at codeBase and dataBase.
func (c *child) code() []byte { return c.share[codeAt:][:codeSize] }
func (c *child) data() []byte { return c.share[dataAt:][:dataSize] }

// run runs the cases whose states stand in c.records, and replaces them by what they left.
func (c *child) run(n int) error {
	c.control(0, n)
	// The handler stores what it has found on entry before it loads the first case: it returns from its read.
	if _, err := c.in.Write([]byte{0}); err != nil {
		return fmt.Errorf("start the child: %w", err)
	}
	return c.wait()
}

// codeSelector is CS of a mode.
func codeSelector(m decoder.Mode) uint16 {
	return [...]uint16{decoder.Mode16: ldtCS16, decoder.Mode32: userCS32, decoder.Mode64: userCS64}[m]
}

// codeStart is the offset in CS of the code.
func codeStart(m decoder.Mode) uint64 {
	if m == decoder.Mode16 {
		return 0
	}
	return codeBase
}
