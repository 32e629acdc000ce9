package snippet

import (
	"encoding/binary"
	"fmt"
	"sort"
	"strings"

	"goemu/emu/cpumodel"
	"goemu/emu/inspect"
)

// Selectors of the GDT that cases run with. Those of user code and data are Linux's.
const (
	selKernel32   = 0x08
	selKernelData = 0x10
	selKernel64   = 0x18
	selUser32     = 0x23
	selUserData   = 0x2b
	selUser64     = 0x33
	selTSS        = 0x38 // two entries in long mode
	selCode16     = 0x48 // of ring 0; those of rings 1 to 3 follow
	selData16     = 0x68
	selCode32     = 0x88 // of ring 1; that of ring 2 follows
	selData32     = 0x98
	selCode64     = 0xa8
	gdtEnd        = 0xb8
)

// gdt is the descriptor table but for the TSS. All segments begin at 0; those of 16 bits have 64 KiB.
var gdt = [gdtEnd / 8]uint64{
	selKernel32 / 8:   0x00cf9b000000ffff,
	selKernelData / 8: 0x00cf93000000ffff,
	selKernel64 / 8:   0x00af9b000000ffff,
	selUser32 / 8:     0x00cffb000000ffff,
	selUserData / 8:   0x00cff3000000ffff,
	selUser64 / 8:     0x00affb000000ffff,
	selCode16 / 8:     0x00009b000000ffff, 0x0000bb000000ffff, 0x0000db000000ffff, 0x0000fb000000ffff,
	selData16 / 8: 0x000093000000ffff, 0x0000b3000000ffff, 0x0000d3000000ffff, 0x0000f3000000ffff,
	selCode32 / 8: 0x00cfbb000000ffff, 0x00cfdb000000ffff,
	selData32 / 8: 0x00cfb3000000ffff, 0x00cfd3000000ffff,
	selCode64 / 8: 0x00afbb000000ffff, 0x00afdb000000ffff,
}

// Pages of the system area, which guest code does not need and user code cannot reach.
const (
	gdtPage = iota
	idtPage
	tssPage
	handlerPage // byte n is the handler of vector n: HLT
	stackPage   // where handlers get their frames, but for those of kernel code in mode 32
	systemPages

	systemPhys = 0x1000 // physical address of the first

	// In real mode handlers are at F000:n, and there is as much memory.
	handlers16 = 0xf0000
	ramSize16  = 0x110000
)

const (
	opHLT  = 0xf4
	opINT3 = 0xcc
)

// area is memory that the snippet sees, and that is compared.
type area struct {
	addr uint64 // linear
	phys uint64
	size uint64
	page page
}

// page is how a page is mapped.
type page struct{ write, exec, user bool }

// image is a case ready to run.
type image struct {
	c     *Case
	model *cpumodel.Model
	regs  inspect.Registers
	ram   []byte // from physical address 0 on
	areas []area // by address
	code  uint64 // linear address of the snippet
	sys   uint64 // linear address of the system area
}

func (im *image) real() bool { return im.c.real() }

// filler is what stands around the snippet, and ends it: HLT for kernel code, as some hosts' KVM has no INT3 there.
func (im *image) filler() byte {
	if im.c.Ring == 0 {
		return opHLT
	}
	return opINT3
}

// layout puts the case into memory and completes its registers.
func (c *Case) layout(r *inspect.Registers) (*image, error) {
	im := &image{c: c, regs: *r}
	im.code = im.regs.PC()
	if im.real() {
		if r.CR0&inspect.CR0PE != 0 {
			return nil, fmt.Errorf("cr0: mode 16 is real mode")
		}
		im.areas = []area{{size: realTop, page: page{write: true, exec: true}}}
		im.ram = make([]byte, ramSize16)
		for v := range 256 {
			binary.LittleEndian.PutUint32(im.ram[4*v:], handlers16>>4<<16|uint32(v))
			im.ram[handlers16+v] = opHLT
		}
		im.regs.IDTR = inspect.TableRegister{Limit: 0x3ff}
		im.regs.GDTR = inspect.TableRegister{Limit: 0xffff}
		im.regs.LDTR = inspect.Segment{Limit: 0xffff, Attr: 0x82}
		im.regs.TR = inspect.Segment{Limit: 0xffff, Attr: 0x8b}
	} else if err := im.pages(); err != nil {
		return nil, err
	}
	code := append(append([]byte(nil), c.Code...), im.filler())
	if im.real() {
		if im.code < 0x1000 || im.code+uint64(len(code)) > realTop {
			return nil, fmt.Errorf("code at %#x: in real mode it lies between 0x1000 and %#x", im.code, realTop)
		}
		p := im.ram[im.code&^(pageSize-1) : (im.code+uint64(len(code)-1))&^(pageSize-1)+pageSize]
		for i := range p {
			p[i] = im.filler()
		}
	}
	for _, m := range c.Memory {
		if err := im.put(m.Addr, m.Bytes); err != nil {
			return nil, fmt.Errorf("memory: %w", err)
		}
	}
	if err := im.put(im.code, code); err != nil { // last, as it must end
		return nil, fmt.Errorf("code: %w", err)
	}
	return im, nil
}

// access reads the letters of Pages.Access.
func (im *image) access(s string) page {
	has := func(c string) bool { return strings.Contains(s, c) }
	return page{write: has("w"), exec: has("x") || !im.c.long(), user: has("u") || im.c.Ring == 3 && !has("s")}
}

// pages makes the page tables, the memory behind them and what the system area has.
func (im *image) pages() error {
	c := im.c
	want := map[uint64]page{}
	add := func(addr uint64, n int, p page, keep bool) {
		for i := range n {
			a := addr + uint64(i)*pageSize
			if _, ok := want[a]; !ok || !keep {
				want[a] = p
			}
		}
	}
	if len(c.Pages) == 0 {
		add(c.dataAddr(), dataSize/pageSize, im.access("rw"), false)
	}
	for _, p := range c.Pages {
		add(p.Addr, p.Count, im.access(p.Access), false)
	}
	span := func(addr uint64, n int, access string) {
		first := addr &^ (pageSize - 1)
		add(first, int((addr+uint64(n-1))&^(pageSize-1)-first)/pageSize+1, im.access(access), true)
	}
	blank := map[uint64]bool{} // pages of code that nobody else wants
	for i := 0; i <= len(c.Code); i++ {
		if a := (im.code + uint64(i)) &^ (pageSize - 1); !blank[a] {
			_, other := want[a]
			blank[a] = !other
		}
	}
	span(im.code, len(c.Code)+1, "rwx")
	for _, m := range c.Memory {
		if len(m.Bytes) > 0 {
			if len(m.Bytes) > maxPages*pageSize {
				return fmt.Errorf("%d bytes of memory: too many", len(m.Bytes))
			}
			span(m.Addr, len(m.Bytes), "rw")
		}
	}
	if len(want) > maxPages {
		return fmt.Errorf("%d pages of memory: up to %d are allowed", len(want), maxPages)
	}
	phys := uint64(systemPhys + systemPages*pageSize)
	for a, p := range want {
		top := a + pageSize - 1
		if !c.long() && top>>32 != 0 || c.long() && int64(a<<16)>>16 != int64(a) {
			return fmt.Errorf("address %#x: mode %s has no such address", a, c.ModeName())
		}
		im.areas = append(im.areas, area{addr: a, size: pageSize, page: p})
	}
	sort.Slice(im.areas, func(i, j int) bool { return im.areas[i].addr < im.areas[j].addr })
	for i := range im.areas {
		im.areas[i].phys = phys
		phys += pageSize
	}
	for _, a := range [...]uint64{0x7ff0_0000, 0x3ff0_0000, 0x5ff0_0000, 0x1ff0_0000} {
		if im.find(a, 0) == nil {
			im.sys = a
			break
		}
	}
	if im.sys == 0 {
		return fmt.Errorf("the pages leave no place for descriptor tables at 0x1ff00000, 0x3ff00000, 0x5ff00000 or 0x7ff00000")
	}
	// The page tables come behind: no more than three a page, and the first.
	im.ram = make([]byte, phys+uint64(3*(len(im.areas)+1)+1)*pageSize)
	for i := range im.areas {
		if a := &im.areas[i]; blank[a.addr] {
			for k := range pageSize {
				im.ram[a.phys+uint64(k)] = im.filler()
			}
		}
	}
	t := tables{im: im, next: phys}
	t.root = t.table()
	for _, a := range im.areas {
		t.enter(a.addr, a.phys, a.page)
	}
	for i := range uint64(systemPages) {
		t.enter(im.sys+i*pageSize, systemPhys+i*pageSize, page{write: true, exec: true})
	}
	im.system(t.root)
	return nil
}

// tables makes page tables: two levels of 32-bit entries, and in long mode four of 64-bit entries (SDM vol. 3A 4.3, 4.5).
type tables struct {
	im         *image
	root, next uint64
}

func (t *tables) table() uint64 {
	t.next += pageSize
	return t.next - pageSize
}

func (t *tables) enter(linear, phys uint64, p page) {
	const present, write, user, accessed, dirty, nx = 1, 2, 4, 0x20, 0x40, 1 << 63
	top, bits, size := 39, 9, uint64(8)
	if !t.im.c.long() {
		top, bits, size = 22, 10, 4
	}
	entry := func(table uint64, shift int) uint64 { return table + linear>>shift&(1<<bits-1)*size }
	get := func(at uint64) uint64 {
		if size == 4 {
			return uint64(binary.LittleEndian.Uint32(t.im.ram[at:]))
		}
		return binary.LittleEndian.Uint64(t.im.ram[at:])
	}
	put := func(at, v uint64) {
		if size == 4 {
			binary.LittleEndian.PutUint32(t.im.ram[at:], uint32(v))
		} else {
			binary.LittleEndian.PutUint64(t.im.ram[at:], v)
		}
	}
	table := t.root
	for shift := top; shift > 12; shift -= bits {
		at := entry(table, shift)
		if get(at) == 0 {
			put(at, t.table()|present|write|user|accessed)
		}
		table = get(at) &^ 0xfff
	}
	e := phys | present | accessed | dirty
	if p.write {
		e |= write
	}
	if p.user {
		e |= user
	}
	if !p.exec && size == 8 && t.im.regs.EFER>>11&1 != 0 {
		e |= nx
	}
	put(entry(table, 12), e)
}

// system fills the system area and sets the registers that point to it (SDM vol. 3A 3.5, 6.11, 6.14.1, 7.2.1, 7.7).
func (im *image) system(root uint64) {
	le := binary.LittleEndian
	at := func(n uint64) []byte { return im.ram[systemPhys+n*pageSize:][:pageSize] }
	linear := func(n uint64) uint64 { return im.sys + n*pageSize }
	for i, d := range gdt {
		le.PutUint64(at(gdtPage)[8*i:], d)
	}
	tss, long := linear(tssPage), im.c.long()
	le.PutUint64(at(gdtPage)[selTSS:], 0x67|tss&0xff_ffff<<16|0x8b<<40|tss>>24&0xff<<56)
	le.PutUint64(at(gdtPage)[selTSS+8:], tss>>32)
	stack := linear(stackPage) + pageSize
	if p := at(tssPage); long {
		le.PutUint64(p[4:], stack)
		le.PutUint64(p[0x24:], stack) // IST1
	} else {
		le.PutUint32(p[4:], uint32(stack))
		le.PutUint16(p[8:], selKernelData)
	}
	le.PutUint16(at(tssPage)[0x66:], 0xffff) // no I/O permission map
	for v := range uint64(256) {
		h := linear(handlerPage) + v
		at(handlerPage)[v] = opHLT
		attr := uint64(0x8e00) << 32
		if v == 3 || v == 4 {
			attr |= 0x6000 << 32 // INT3 and INTO may be used by user code
		}
		gate := h&0xffff | h>>16&0xffff<<48 | attr
		if long {
			le.PutUint64(at(idtPage)[16*v:], gate|selKernel64<<16|1<<32)
			le.PutUint64(at(idtPage)[16*v+8:], h>>32)
		} else {
			le.PutUint64(at(idtPage)[8*v:], gate|selKernel32<<16)
		}
	}
	r := &im.regs
	r.CR0 |= inspect.CR0PE | inspect.CR0PG
	r.CR4 &^= inspect.CR4LA57 | inspect.CR4PAE | 1<<4 | 1<<13 | 1<<17 // without PSE, VMXE and PCIDE
	r.CR3 = root
	r.EFER &^= 1<<8 | inspect.EFERLMA
	if long {
		r.CR4 |= inspect.CR4PAE
		r.EFER |= 1<<8 | inspect.EFERLMA
	}
	r.GDTR = inspect.TableRegister{Base: linear(gdtPage), Limit: gdtEnd - 1}
	r.IDTR = inspect.TableRegister{Base: linear(idtPage), Limit: 0xfff}
	if !long {
		r.IDTR.Limit = 0x7ff
	}
	r.LDTR = inspect.Segment{}
	r.TR = inspect.Segment{Selector: selTSS, Base: tss, Limit: 0x67, Attr: 0x8b}
}

// find gives the area of a linear address if all of n bytes from there on may be in it; nil: there is none.
func (im *image) find(linear, n uint64) *area {
	i := sort.Search(len(im.areas), func(i int) bool { return im.areas[i].addr+(im.areas[i].size-1) >= linear })
	if i == len(im.areas) {
		return nil
	}
	a := &im.areas[i]
	// The system area is of a few pages: n = 0 looks whether any of them is taken.
	if n == 0 && a.addr < linear+systemPages*pageSize || a.addr <= linear {
		return a
	}
	return nil
}

// put copies bytes to linear addresses.
func (im *image) put(linear uint64, b []byte) error {
	for i := range b {
		a := im.find(linear+uint64(i), 1)
		if a == nil {
			return fmt.Errorf("address %#x: there is no memory", linear+uint64(i))
		}
		im.ram[a.phys+(linear+uint64(i)-a.addr)] = b[i]
	}
	return nil
}
