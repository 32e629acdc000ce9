package emu

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"fmt"
	"io"

	"goemu/emu/inspect"
	"goemu/mmu"
)

// DumpMemory writes the guest's memory and the registers of its vCPUs as an ELF core file, as QEMU's dump-guest-memory does without paging: a PT_NOTE with an NT_PRSTATUS for each vCPU, whose
// number counts from 1, and a PT_LOAD for each piece of memory, at its physical address. It is for EM_X86_64 if the first vCPU is in long mode or there is memory above
// 4 GiB, else for EM_386. The guest stands still until all is written.
func (m *Machine) DumpMemory(w io.Writer) error {
	return m.see(func() error {
		if !m.held.on && !m.over {
			m.clock.freeze(true)
			defer m.clock.freeze(false)
		}
		return m.dumpMemory(w)
	})
}

// piece is memory without a gap.
type piece struct {
	base, size uint64
	parts      [][]byte
}

func (m *Machine) memoryPieces() (list []piece) {
	m.space.Regions(func(r *mmu.Region, _ uint64) {
		if r.RAM == nil {
			return
		}
		if n := len(list); n > 0 && list[n-1].base+list[n-1].size == r.Base {
			list[n-1].size += r.Size
			list[n-1].parts = append(list[n-1].parts, r.RAM[:r.Size])
			return
		}
		list = append(list, piece{r.Base, r.Size, [][]byte{r.RAM[:r.Size]}})
	})
	return list
}

func (m *Machine) dumpMemory(w io.Writer) error {
	list := m.memoryPieces()
	long := m.vcpus[0].cpu.Long() || len(list) > 0 && list[len(list)-1].base>>32 != 0
	var notes bytes.Buffer
	for _, v := range m.vcpus {
		var r inspect.Registers
		v.cpu.Inspect(&r)
		status := status32(&r, v.n+1)
		if long {
			status = status64(&r, v.n+1)
		}
		note(&notes, "CORE", uint32(elf.NT_PRSTATUS), status)
	}
	var head bytes.Buffer
	if long {
		coreHeader64(&head, list, notes.Len())
	} else {
		coreHeader32(&head, list, notes.Len())
	}
	parts := [][]byte{head.Bytes(), notes.Bytes()}
	for _, p := range list {
		parts = append(parts, p.parts...)
	}
	for _, p := range parts {
		if _, err := w.Write(p); err != nil {
			return fmt.Errorf("dump of guest memory: %w", err)
		}
	}
	return nil
}

var le = binary.LittleEndian

// ident is the beginning of an ELF file.
func ident(class elf.Class) (id [elf.EI_NIDENT]byte) {
	copy(id[:], elf.ELFMAG)
	id[elf.EI_CLASS], id[elf.EI_DATA], id[elf.EI_VERSION] = byte(class), byte(elf.ELFDATA2LSB), byte(elf.EV_CURRENT)
	return id
}

// put appends a structure of fixed size to a buffer in memory, which cannot fail.
func put(b *bytes.Buffer, v any) { _ = binary.Write(b, le, v) }

func coreHeader64(b *bytes.Buffer, list []piece, notes int) {
	const header, entry = 64, 56
	off := uint64(header + entry*(1+len(list)))
	put(b, elf.Header64{
		Ident: ident(elf.ELFCLASS64), Type: uint16(elf.ET_CORE), Machine: uint16(elf.EM_X86_64), Version: uint32(elf.EV_CURRENT),
		Phoff: header, Ehsize: header, Phentsize: entry, Phnum: uint16(1 + len(list)),
	})
	put(b, elf.Prog64{Type: uint32(elf.PT_NOTE), Off: off, Filesz: uint64(notes)})
	off += uint64(notes)
	for _, p := range list {
		put(b, elf.Prog64{Type: uint32(elf.PT_LOAD), Off: off, Vaddr: p.base, Paddr: p.base, Filesz: p.size, Memsz: p.size})
		off += p.size
	}
}

func coreHeader32(b *bytes.Buffer, list []piece, notes int) {
	const header, entry = 52, 32
	off := uint32(header + entry*(1+len(list)))
	put(b, elf.Header32{
		Ident: ident(elf.ELFCLASS32), Type: uint16(elf.ET_CORE), Machine: uint16(elf.EM_386), Version: uint32(elf.EV_CURRENT),
		Phoff: header, Ehsize: header, Phentsize: entry, Phnum: uint16(1 + len(list)),
	})
	put(b, elf.Prog32{Type: uint32(elf.PT_NOTE), Off: off, Filesz: uint32(notes)})
	off += uint32(notes)
	for _, p := range list {
		put(b, elf.Prog32{Type: uint32(elf.PT_LOAD), Off: off, Vaddr: uint32(p.base), Paddr: uint32(p.base), Filesz: uint32(p.size), Memsz: uint32(p.size)})
		off += uint32(p.size)
	}
}

// note appends a note: sizes, type, name and contents, padded to 4 bytes.
func note(b *bytes.Buffer, name string, typ uint32, desc []byte) {
	put(b, [3]uint32{uint32(len(name) + 1), uint32(len(desc)), typ})
	b.WriteString(name)
	b.Write(make([]byte, 1+(3-len(name)&3)))
	b.Write(desc)
	b.Write(make([]byte, -len(desc)&3))
}

// status64 and status32 are Linux's struct elf_prstatus: process number and registers are there, the rest is 0.
func status64(r *inspect.Registers, pid int) []byte {
	const pidAt, regsAt, size = 32, 112, 336
	g := &r.GPR
	p := make([]byte, size)
	le.PutUint32(p[pidAt:], uint32(pid))
	for i, v := range [...]uint64{
		g[15], g[14], g[13], g[12], g[inspect.RBP], g[inspect.RBX], g[11], g[10], g[9], g[8], g[inspect.RAX], g[inspect.RCX], g[inspect.RDX], g[inspect.RSI], g[inspect.RDI],
		g[inspect.RAX], r.RIP, uint64(r.Seg[inspect.CS].Selector), r.RFLAGS, g[inspect.RSP], uint64(r.Seg[inspect.SS].Selector), r.Seg[inspect.FS].Base, r.Seg[inspect.GS].Base,
		uint64(r.Seg[inspect.DS].Selector), uint64(r.Seg[inspect.ES].Selector), uint64(r.Seg[inspect.FS].Selector), uint64(r.Seg[inspect.GS].Selector),
	} {
		le.PutUint64(p[regsAt+8*i:], v)
	}
	return p
}

func status32(r *inspect.Registers, pid int) []byte {
	const pidAt, regsAt, size = 24, 72, 144
	g := &r.GPR
	p := make([]byte, size)
	le.PutUint32(p[pidAt:], uint32(pid))
	for i, v := range [...]uint64{
		g[inspect.RBX], g[inspect.RCX], g[inspect.RDX], g[inspect.RSI], g[inspect.RDI], g[inspect.RBP], g[inspect.RAX],
		uint64(r.Seg[inspect.DS].Selector), uint64(r.Seg[inspect.ES].Selector), uint64(r.Seg[inspect.FS].Selector), uint64(r.Seg[inspect.GS].Selector),
		g[inspect.RAX], r.RIP, uint64(r.Seg[inspect.CS].Selector), r.RFLAGS, g[inspect.RSP], uint64(r.Seg[inspect.SS].Selector),
	} {
		le.PutUint32(p[regsAt+4*i:], uint32(v))
	}
	return p
}
