package boot

// hvm_start_info, version 1.
const (
	startInfoMagic   = 0x336ec578
	startInfoVersion = 1
	memmapEntrySize  = 24
)

// bootPVH loads an ELF kernel that has the PVH note.
func (l *loader) bootPVH(k []byte, f *elfFile) (*Entry, error) {
	end, err := l.loadSegments(k, f)
	if err != nil {
		return nil, err
	}
	if f.pvh > 1<<32-1 {
		return nil, l.errorf(-1, "the PVH note's entry point %#x is above 4 GiB", f.pvh)
	}
	inside := false
	for _, s := range f.segments {
		inside = inside || f.pvh >= s.paddr && f.pvh-s.paddr < s.memsz
	}
	if !inside {
		return nil, l.errorf(-1, "the PVH note's entry point %#x is in none of the segments", f.pvh)
	}
	ramdisk, ramdiskSize, err := l.initrd(end, 1<<32-1)
	if err != nil {
		return nil, err
	}
	cmdline, err := l.cmdline(l.Cmdline, cmdlineMax)
	if err != nil {
		return nil, err
	}
	var modules uint64
	count := uint32(0)
	if l.Initrd != "" {
		var p []byte
		for _, v := range []uint64{ramdisk, ramdiskSize, 0, 0} {
			p = le.AppendUint64(p, v)
		}
		if modules, err = l.small(p, "module list"); err != nil {
			return nil, err
		}
		count = 1
	}
	var mm []byte
	for _, x := range l.E820 {
		mm = le.AppendUint64(mm, x.Addr)
		mm = le.AppendUint64(mm, x.Size)
		mm = le.AppendUint32(mm, x.Type)
		mm = le.AppendUint32(mm, 0)
	}
	memmap, err := l.small(mm, "memory map")
	if err != nil {
		return nil, err
	}

	var info []byte
	for _, v := range []uint32{startInfoMagic, startInfoVersion, 0, count} {
		info = le.AppendUint32(info, v)
	}
	for _, v := range []uint64{modules, cmdline, l.RSDP, memmap} {
		info = le.AppendUint64(info, v)
	}
	info = le.AppendUint32(info, uint32(len(mm)/memmapEntrySize))
	info = le.AppendUint32(info, 0)
	if err := l.write(infoAddr, info, "hvm_start_info"); err != nil {
		return nil, err
	}
	e, err := l.flat(Prot32, f.pvh)
	if err != nil {
		return nil, err
	}
	e.Protocol = "pvh"
	e.GPR[rbx] = infoAddr
	return e, nil
}
