// Package boot puts an operating system's kernel straight into guest memory, as
// a boot loader would, and says in which state the CPU must enter it.
//
// It knows Linux bzImage (the boot protocol of the kernel's
// Documentation/arch/x86/boot.rst, versions 2.02 on; 32-bit and 64-bit entry),
// Multiboot 1 (specification 0.6.96) and PVH (Xen's "x86/HVM direct boot ABI").
// Which of them a file is, its contents tell.
//
// It does not run real-mode setup code, does not load zImage, Multiboot 2 or EFI
// programs, and puts nothing above 4 GiB.
package boot

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"goemu/bios"
	"goemu/devices"
)

// Where our own structures lie. All of them end before the EBDA; the guest may reuse them once it has read them.
const (
	gdtAddr     = 0x1000
	infoAddr    = 0x2000 // boot_params, Multiboot information or hvm_start_info: a page
	tablesAddr  = 0x3000 // page tables: six pages
	cmdlineAddr = 0x9000
	cmdlineMax  = 0x7000 // bytes with the final 0
	extraAddr   = 0x10000
	extraEnd    = 0x20000 // memory map, module list, module strings
	extendedRAM = 0x100000
)

// LoaderName is how the loader calls itself to a guest that asks.
const LoaderName = "goemu"

// Config is what is to be booted, and the machine it is to boot on.
type Config struct {
	Kernel     string // file name
	KernelData []byte // its contents; if nil, the file is read

	// Initrd is the initial RAM disk's file name; for Multiboot, a list of modules:
	// "file arguments,file arguments", in which ",," stands for a comma.
	Initrd  string
	Cmdline string

	RAM    uint64 // bytes of RAM from address 0 on, below the PCI hole
	Memory devices.Memory
	RSDP   uint64 // address of the ACPI root pointer, 0: none
	E820   []bios.E820Entry

	VGAText bool // there is a VGA in 80x25 text mode
	Entry32 bool // enter Linux by its 32-bit entry, though it may offer a 64-bit one

	// ReadFile reads initrd and kernel; nil means os.ReadFile.
	ReadFile func(name string) ([]byte, error)
}

// Mode is the CPU mode at a kernel's entry.
type Mode int

// Modes.
const (
	Prot32 Mode = iota // protected mode, 32-bit, no paging
	Long64             // 64-bit mode, paging on
)

func (m Mode) String() string {
	if m == Long64 {
		return "long64"
	}
	return "prot32"
}

// Segment is a segment register with its hidden part.
type Segment struct {
	Selector uint16
	Base     uint64
	Limit    uint32 // in bytes
	Attr     uint16 // as in bits 40-55 of a descriptor: type, S, DPL, P in bits 0-7; AVL, L, D/B, G in bits 12-15
}

// TableReg is GDTR or IDTR.
type TableReg struct {
	Base  uint64
	Limit uint16
}

// Entry is the CPU state with which a loaded kernel begins. What is not named here is as after reset.
type Entry struct {
	Protocol string // "linux", "multiboot" or "pvh"
	Mode     Mode
	RIP      uint64
	GPR      [16]uint64 // RAX RCX RDX RBX RSP RBP RSI RDI R8..R15
	RFLAGS   uint64
	Segs     [6]Segment // ES CS SS DS FS GS
	TR       Segment
	GDT, IDT TableReg

	CR0, CR3, CR4, EFER uint64
}

// Registers of Entry.GPR that the protocols set.
const (
	rax = 0
	rbx = 3
	rsi = 6
)

// Error says what is wrong with a file and where.
type Error struct {
	File   string
	Offset int64 // into the file; -1: the file as a whole
	Cause  string
}

func (e *Error) Error() string {
	if e.Offset < 0 {
		return fmt.Sprintf("%s: %s", e.File, e.Cause)
	}
	return fmt.Sprintf("%s: offset %#x: %s", e.File, e.Offset, e.Cause)
}

// loader carries one Load.
type loader struct {
	Config
	extra uint64 // next free byte of the area for small things
}

func (l *loader) errorf(offset int, format string, args ...any) error {
	return &Error{l.Kernel, int64(offset), fmt.Sprintf(format, args...)}
}

// Load puts the kernel, what belongs to it and our own structures into guest memory.
func Load(c Config) (*Entry, error) {
	if c.ReadFile == nil {
		c.ReadFile = os.ReadFile
	}
	l := &loader{Config: c, extra: extraAddr}
	if l.Memory == nil {
		return nil, errors.New("load a kernel: no guest memory given")
	}
	k := l.KernelData
	if k == nil {
		var err error
		if k, err = l.ReadFile(l.Kernel); err != nil {
			return nil, fmt.Errorf("could not open kernel file '%s': %w", l.Kernel, reason(err))
		}
	}
	if l.Kernel == "" {
		l.Kernel = "kernel"
	}
	if l.RAM <= extendedRAM {
		return nil, fmt.Errorf("%s: a kernel needs more RAM than %d bytes: it is loaded at %#x", l.Kernel, l.RAM, extendedRAM)
	}
	return l.detect(k)
}

func (l *loader) detect(k []byte) (*Entry, error) {
	if isLinux(k) {
		return l.linux(k)
	}
	header, found := findMultiboot(k)
	f, elfErr := l.parseELF(k)
	if f != nil && f.pvh != 0 && (f.bits == 64 || !found) {
		return l.bootPVH(k, f)
	}
	if found {
		return l.multiboot(k, header)
	}
	switch {
	case elfErr != nil:
		return nil, elfErr
	case f != nil:
		return nil, l.errorf(-1, "an ELF file with neither a PVH note nor a Multiboot header")
	case len(k) < setupEnd:
		return nil, l.errorf(len(k), "the file ends here: too short for a kernel of any kind")
	}
	return nil, l.errorf(-1, "not a kernel: no Linux setup header at 0x1f1, no Multiboot header in the first %d bytes, no ELF file", multibootSearch)
}

func (l *loader) write(addr uint64, p []byte, what string) error {
	if err := l.Memory.WritePhys(addr, p); err != nil {
		return fmt.Errorf("%s: load %s at %#x: %w", l.Kernel, what, addr, err)
	}
	return nil
}

// zero clears n bytes of guest memory.
func (l *loader) zero(addr, n uint64, what string) error {
	var page [4096]byte
	for n > 0 {
		k := min(n, uint64(len(page)))
		if err := l.write(addr, page[:k], what); err != nil {
			return err
		}
		addr, n = addr+k, n-k
	}
	return nil
}

// cmdline writes a command line of at most limit bytes and returns its address.
func (l *loader) cmdline(s string, limit int) (uint64, error) {
	limit = min(limit, cmdlineMax-1)
	if len(s) > limit {
		return 0, fmt.Errorf("%s: command line is %d bytes long, at most %d are possible", l.Kernel, len(s), limit)
	}
	return cmdlineAddr, l.write(cmdlineAddr, append([]byte(s), 0), "command line")
}

// small writes something short to the area for such and returns its address, 8-byte aligned.
func (l *loader) small(p []byte, what string) (uint64, error) {
	a := l.extra
	if a+uint64(len(p)) > extraEnd {
		return 0, fmt.Errorf("%s: %s does not fit below %#x", l.Kernel, what, extraEnd)
	}
	l.extra = (a + uint64(len(p)) + 7) &^ 7
	return a, l.write(a, p, what)
}

// initrd reads the initial RAM disk and puts it as high as RAM and highest (its last allowed byte) permit,
// but not below lowest. Without one it returns zeroes.
func (l *loader) initrd(lowest, highest uint64) (addr, size uint64, err error) {
	if l.Initrd == "" {
		return 0, 0, nil
	}
	p, err := l.ReadFile(l.Initrd)
	if err != nil {
		return 0, 0, fmt.Errorf("error reading initrd %s: %w", l.Initrd, reason(err))
	}
	size = uint64(len(p))
	end := min(highest+1, l.RAM)
	if lowest > end || size > end-lowest || (end-size)&^0xfff < lowest {
		room := uint64(0)
		if lowest < end {
			room = end - lowest
		}
		return 0, 0, fmt.Errorf("initrd %s of %d bytes is too big: the %d bytes of RAM have room for %d bytes beside the kernel",
			l.Initrd, size, l.RAM, room)
	}
	addr = (end - size) &^ 0xfff
	return addr, size, l.write(addr, p, "initrd "+l.Initrd)
}

// fileError is why a file could not be read, in C's words, which scripts look for.
type fileError struct{ error }

// Error implements error.
func (e fileError) Error() string {
	s := e.error.Error()
	return strings.ToUpper(s[:1]) + s[1:]
}

// Unwrap gives what errors.Is looks at.
func (e fileError) Unwrap() error { return e.error }

// reason is err without the name of the file.
func reason(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return fileError{path.Err}
	}
	return err
}
