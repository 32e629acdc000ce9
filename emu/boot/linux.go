package boot

// Linux boot protocol: offsets into the file's first sectors, which are also offsets into boot_params.
const (
	setupStart  = 0x1f1
	setupEnd    = 0x268 // of the newest header that we know
	hdrSects    = 0x1f1
	hdrSysSize  = 0x1f4
	hdrVideo    = 0x1fa
	hdrBootFlag = 0x1fe
	hdrJump     = 0x200
	hdrMagic    = 0x202
	hdrVersion  = 0x206
	hdrLoader   = 0x210
	hdrFlags    = 0x211
	hdrCode32   = 0x214
	hdrRamdisk  = 0x218
	hdrRamSize  = 0x21c
	hdrCmdline  = 0x228
	hdrRamMax   = 0x22c // 2.03
	hdrXLoad    = 0x236 // 2.12
	hdrCmdSize  = 0x238 // 2.06
	hdrPrefAddr = 0x258 // 2.10
	hdrInitSize = 0x260 // 2.10
)

// Offsets into boot_params beside the header (Documentation/arch/x86/zero-page.rst).
const (
	bpVideoMode  = 0x006 // of screen_info
	bpVideoCols  = 0x007
	bpVideoLines = 0x00e
	bpVideoVGA   = 0x00f
	bpFontHeight = 0x010
	bpRSDP       = 0x070
	bpE820Count  = 0x1e8
	bpE820       = 0x2d0
	bpE820Max    = 128
	bpSize       = 0x1000
)

const (
	loadedHigh      = 1 << 0 // hdrFlags: protected-mode code goes to 1 MiB
	xlfKernel64     = 1 << 0 // hdrXLoad: 64-bit entry at +0x200
	loaderUndefined = 0xff
	oldestProtocol  = 0x0202 // the first with a pointer to the command line
	entry64Offset   = 0x200
)

func isLinux(k []byte) bool {
	return len(k) >= hdrMagic+4 && string(k[hdrMagic:hdrMagic+4]) == "HdrS"
}

// setupHeader is what the loader reads from a bzImage.
type setupHeader struct {
	version    uint16
	raw        []byte // the header from setupStart on
	code       []byte // protected-mode code
	code32     uint64 // where it is loaded and entered
	ramdiskMax uint64 // last byte that an initrd may use
	cmdMax     int    // longest command line, without the final 0
	entry64    bool
	end        uint64 // first byte that the kernel leaves free when it has unpacked itself
}

func (l *loader) parseSetup(k []byte) (*setupHeader, error) {
	if len(k) < setupEnd {
		return nil, l.errorf(len(k), "the file ends within the Linux setup header")
	}
	if flag := le.Uint16(k[hdrBootFlag:]); flag != 0xaa55 {
		return nil, l.errorf(hdrBootFlag, "boot flag is %#x, must be 0xaa55", flag)
	}
	h := &setupHeader{version: le.Uint16(k[hdrVersion:])}
	if h.version < oldestProtocol {
		return nil, l.errorf(hdrVersion, "Linux boot protocol %d.%02d is too old, 2.02 is needed", h.version>>8, h.version&0xff)
	}
	if k[hdrFlags]&loadedHigh == 0 {
		return nil, l.errorf(hdrFlags, "a zImage, which is loaded low; only bzImage is supported")
	}
	headerEnd := hdrMagic + int(k[hdrJump+1])
	if headerEnd < hdrRamMax {
		return nil, l.errorf(hdrJump+1, "setup header ends at %#x, too short for protocol %d.%02d", headerEnd, h.version>>8, h.version&0xff)
	}
	h.raw = k[setupStart:min(headerEnd, setupEnd, len(k))]

	sects := int(k[hdrSects])
	if sects == 0 {
		sects = 4
	}
	start := (sects + 1) * 512
	if start >= len(k) {
		return nil, l.errorf(hdrSects, "%d setup sectors end at %#x, but the file is %d bytes long", sects, start, len(k))
	}
	size := uint64(le.Uint32(k[hdrSysSize:])) * 16
	if h.version < 0x0204 {
		size &= 0xffff * 16
	}
	// Some builds of old kernels pad the last paragraph in the count only.
	if have := uint64(len(k) - start); size > have+15 {
		return nil, l.errorf(len(k), "the file ends here: protected-mode code of %d bytes was announced, %d are there", size, have)
	}
	h.code = k[start:]

	h.code32 = uint64(le.Uint32(k[hdrCode32:]))
	if h.code32 < extendedRAM {
		return nil, l.errorf(hdrCode32, "code32_start is %#x, below 1 MiB", h.code32)
	}
	h.ramdiskMax = 0x37ffffff
	if h.version >= 0x0203 {
		h.ramdiskMax = uint64(le.Uint32(k[hdrRamMax:]))
	}
	h.cmdMax = 255
	if h.version >= 0x0206 {
		h.cmdMax = int(min(le.Uint32(k[hdrCmdSize:]), cmdlineMax))
	}
	h.end = h.code32 + uint64(len(h.code))
	if h.version >= 0x020a {
		pref, init := le.Uint64(k[hdrPrefAddr:]), uint64(le.Uint32(k[hdrInitSize:]))
		if pref > 1<<32 {
			return nil, l.errorf(hdrPrefAddr, "preferred load address %#x is above 4 GiB", pref)
		}
		h.end = max(h.end, h.code32+init, pref+init)
	}
	h.entry64 = h.version >= 0x020c && le.Uint16(k[hdrXLoad:])&xlfKernel64 != 0
	if h.entry64 && len(h.code) <= entry64Offset {
		return nil, l.errorf(hdrXLoad, "a 64-bit entry at %#x is announced, but the protected-mode code has only %d bytes", entry64Offset, len(h.code))
	}
	return h, nil
}

// linux loads a bzImage.
func (l *loader) linux(k []byte) (*Entry, error) {
	h, err := l.parseSetup(k)
	if err != nil {
		return nil, err
	}
	if h.end > l.RAM {
		return nil, l.errorf(-1, "the kernel needs memory up to %#x to unpack itself, RAM ends at %#x", h.end, l.RAM)
	}
	if err := l.write(h.code32, h.code, "kernel"); err != nil {
		return nil, err
	}
	ramdisk, ramdiskSize, err := l.initrd(h.end, h.ramdiskMax)
	if err != nil {
		return nil, err
	}
	cmdline, err := l.cmdline(l.Cmdline, h.cmdMax)
	if err != nil {
		return nil, err
	}

	bp := make([]byte, bpSize)
	copy(bp[setupStart:], h.raw)
	bp[hdrLoader] = loaderUndefined
	le.PutUint16(bp[hdrVideo:], 0xffff) // normal
	le.PutUint32(bp[hdrCode32:], uint32(h.code32))
	le.PutUint32(bp[hdrRamdisk:], uint32(ramdisk))
	le.PutUint32(bp[hdrRamSize:], uint32(ramdiskSize))
	le.PutUint32(bp[hdrCmdline:], uint32(cmdline))
	le.PutUint64(bp[bpRSDP:], l.RSDP)
	if l.VGAText {
		bp[bpVideoMode], bp[bpVideoCols], bp[bpVideoLines], bp[bpVideoVGA], bp[bpFontHeight] = 3, 80, 25, 1, 16
	}
	if len(l.E820) > bpE820Max {
		return nil, l.errorf(-1, "the memory map has %d entries, boot_params has room for %d", len(l.E820), bpE820Max)
	}
	bp[bpE820Count] = byte(len(l.E820))
	for i, x := range l.E820 {
		p := bp[bpE820+20*i:]
		le.PutUint64(p, x.Addr)
		le.PutUint64(p[8:], x.Size)
		le.PutUint32(p[16:], x.Type)
	}
	if err := l.write(infoAddr, bp, "boot_params"); err != nil {
		return nil, err
	}

	mode, rip := Prot32, h.code32
	if h.entry64 && !l.Entry32 {
		mode, rip = Long64, h.code32+entry64Offset
	}
	e, err := l.flat(mode, rip)
	if err != nil {
		return nil, err
	}
	e.Protocol = "linux"
	e.GPR[rsi] = infoAddr
	return e, nil
}
