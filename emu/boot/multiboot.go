package boot

import (
	"fmt"
	"strings"
)

// Multiboot 1 header and hand-over (specification 3.1 to 3.3).
const (
	multibootMagic  = 0x1badb002
	multibootReturn = 0x2badb002
	multibootSearch = 8192

	// Wishes of the header's flags word.
	mbPageAlign = 1 << 0 // modules on page boundaries: they always are
	mbMemInfo   = 1 << 1 // memory information: always given
	mbVideo     = 1 << 2 // a video mode
	mbMust      = 0xffff // unknown ones of these forbid to go on
	mbAddresses = 1 << 16

	// What the information structure holds.
	mbiMemory  = 1 << 0
	mbiCmdline = 1 << 2
	mbiModules = 1 << 3
	mbiMap     = 1 << 6
	mbiName    = 1 << 9
	mbiFB      = 1 << 12
	mbiSize    = 116
)

// findMultiboot returns the offset of a header with a right checksum.
func findMultiboot(k []byte) (int, bool) {
	for i := 0; i+12 <= min(len(k), multibootSearch); i += 4 {
		if le.Uint32(k[i:]) == multibootMagic && le.Uint32(k[i:])+le.Uint32(k[i+4:])+le.Uint32(k[i+8:]) == 0 {
			return i, true
		}
	}
	return 0, false
}

// multiboot loads a kernel whose header is at offset at.
func (l *loader) multiboot(k []byte, at int) (*Entry, error) {
	flags := le.Uint32(k[at+4:])
	if unknown := flags & mbMust &^ (mbPageAlign | mbMemInfo | mbVideo); unknown != 0 {
		return nil, l.errorf(at+4, "the Multiboot header demands features %#x that are not known", unknown)
	}
	var end uint64
	var entry uint64
	var err error
	if flags&mbAddresses != 0 {
		end, entry, err = l.multibootKludge(k, at)
	} else {
		end, entry, err = l.multibootELF(k, at)
	}
	if err != nil {
		return nil, err
	}
	info, err := l.multibootInfo(end)
	if err != nil {
		return nil, err
	}
	if err := l.write(infoAddr, info, "Multiboot information"); err != nil {
		return nil, err
	}
	e, err := l.flat(Prot32, entry)
	if err != nil {
		return nil, err
	}
	e.Protocol = "multiboot"
	e.GPR[rax] = multibootReturn
	e.GPR[rbx] = infoAddr
	return e, nil
}

func (l *loader) multibootELF(k []byte, at int) (end, entry uint64, err error) {
	f, err := l.parseELF(k)
	if err != nil {
		return 0, 0, err
	}
	if f == nil {
		return 0, 0, l.errorf(at+4, "the Multiboot header has no load addresses (flag bit 16), and the file is not ELF")
	}
	if f.bits != 32 {
		return 0, 0, l.errorf(4, "a 64-bit ELF file: Multiboot 1 loads 32-bit ELF only (objcopy -O elf32-i386 converts it)")
	}
	end, err = l.loadSegments(k, f)
	if err != nil {
		return 0, 0, err
	}
	for _, s := range f.segments {
		if f.entry >= s.vaddr && f.entry-s.vaddr < s.memsz {
			return end, f.entry - s.vaddr + s.paddr, nil
		}
	}
	return 0, 0, l.errorf(24, "the entry point %#x is in none of the segments", f.entry)
}

// multibootKludge loads by the addresses in the header itself.
func (l *loader) multibootKludge(k []byte, at int) (end, entry uint64, err error) {
	if at+32 > len(k) {
		return 0, 0, l.errorf(len(k), "the file ends within the Multiboot header's addresses")
	}
	word := func(i int) uint64 { return uint64(le.Uint32(k[at+i:])) }
	header, load, loadEnd, bssEnd, entry := word(12), word(16), word(20), word(24), word(28)
	if load > header || header-load > uint64(at) {
		return 0, 0, l.errorf(at+16, "load address %#x does not fit a header at %#x, which is at offset %#x of the file", load, header, at)
	}
	start := uint64(at) - (header - load)
	data := k[start:]
	if loadEnd != 0 {
		if loadEnd < load || loadEnd-load > uint64(len(data)) {
			return 0, 0, l.errorf(at+20, "load addresses %#x-%#x take more than the %d bytes that the file has from offset %#x on", load, loadEnd, len(data), start)
		}
		data = data[:loadEnd-load]
	}
	size := uint64(len(data))
	if bssEnd != 0 {
		if bssEnd < load+size {
			return 0, 0, l.errorf(at+24, "bss ends at %#x, before the loaded data at %#x", bssEnd, load+size)
		}
		size = bssEnd - load
	}
	if entry < load || entry-load >= size {
		return 0, 0, l.errorf(at+28, "the entry point %#x is outside what is loaded, %#x-%#x", entry, load, load+size)
	}
	end, err = l.loadPlaces([]place{{load, size, data, at + 16}})
	return end, entry, err
}

// module is one piece of -initrd in Multiboot's form.
type module struct{ file, args string }

// splitModules takes "file args,file2 args" apart; ",," is a comma.
func splitModules(spec string) []module {
	const comma = "\x00"
	var ms []module
	for _, s := range strings.Split(strings.ReplaceAll(spec, ",,", comma), ",") {
		s = strings.ReplaceAll(s, comma, ",")
		file, _, _ := strings.Cut(s, " ")
		ms = append(ms, module{file, s})
	}
	return ms
}

// multibootInfo loads the modules behind the kernel's end and makes the information structure (3.3).
func (l *loader) multibootInfo(end uint64) ([]byte, error) {
	info := make([]byte, mbiSize)
	put := func(off int, v uint64) { le.PutUint32(info[off:], uint32(v)) }
	flags := uint64(mbiMemory | mbiCmdline | mbiMap | mbiName)
	const conventional = 639
	put(4, conventional)
	put(8, (l.RAM-extendedRAM)>>10)
	cmdline, err := l.cmdline(strings.TrimRight(l.Kernel+" "+l.Cmdline, " "), cmdlineMax)
	if err != nil {
		return nil, err
	}
	put(16, cmdline)

	if l.Initrd != "" {
		list, err := l.multibootModules(end)
		if err != nil {
			return nil, err
		}
		at, err := l.small(list, "module list")
		if err != nil {
			return nil, err
		}
		put(20, uint64(len(list)/16))
		put(24, at)
		flags |= mbiModules
	}

	var mm []byte
	for _, x := range l.E820 {
		mm = le.AppendUint32(mm, 20) // bytes that follow
		mm = le.AppendUint64(mm, x.Addr)
		mm = le.AppendUint64(mm, x.Size)
		mm = le.AppendUint32(mm, x.Type)
	}
	at, err := l.small(mm, "memory map")
	if err != nil {
		return nil, err
	}
	put(44, uint64(len(mm)))
	put(48, at)
	if at, err = l.small([]byte(LoaderName+"\x00"), "loader's name"); err != nil {
		return nil, err
	}
	put(64, at)
	if l.VGAText {
		const egaText = 2
		put(88, 0xb8000)
		put(96, 160) // bytes a line
		put(100, 80)
		put(104, 25)
		info[108], info[109] = 16, egaText
		flags |= mbiFB
	}
	put(0, flags)
	return info, nil
}

// multibootModules loads the modules on page boundaries and returns their list.
func (l *loader) multibootModules(end uint64) ([]byte, error) {
	var list []byte
	next := max(end, extendedRAM)
	for i, m := range splitModules(l.Initrd) {
		if m.file == "" {
			return nil, fmt.Errorf("-initrd %q: module %d has no file name", l.Initrd, i+1)
		}
		data, err := l.ReadFile(m.file)
		if err != nil {
			return nil, fmt.Errorf("error reading initrd %s: %w", m.file, reason(err))
		}
		start := (next + 0xfff) &^ 0xfff
		if size := uint64(len(data)); start > l.RAM || size > l.RAM-start {
			return nil, fmt.Errorf("module %s of %d bytes is too big: the %d bytes of RAM have room for %d bytes above %#x",
				m.file, size, l.RAM, max(start, l.RAM)-start, start)
		}
		if err := l.write(start, data, "module "+m.file); err != nil {
			return nil, err
		}
		next = start + uint64(len(data))
		text, err := l.small(append([]byte(m.args), 0), "module string")
		if err != nil {
			return nil, err
		}
		for _, v := range []uint64{start, next, text, 0} {
			list = le.AppendUint32(list, uint32(v))
		}
	}
	return list, nil
}
