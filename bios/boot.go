package bios

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"goemu/devices/block"
	"goemu/devices/fwcfg"
)

// Items and files of fw_cfg about booting.
const (
	fwCfgNoGraphic = fwcfg.NoGraphic
	fwCfgBootMenu  = fwcfg.BootMenu
	fileBootWait   = "etc/boot-menu-wait" // word: ms
	fileFailWait   = "etc/boot-fail-wait" // doubleword: ms
	fileBootOrder  = "bootorder"
	haltEntry      = "HALT" // nothing behind it is tried
)

// CMOS bytes with the boot order: nibbles, 1 diskette, 2 hard disk, 3 CD, 4 network.
const (
	cmosBootOrder1 = 0x3d // first in bits 0-3, second in bits 4-7
	cmosBootOrder2 = 0x38 // third in bits 4-7; bit 0: diskettes need no signature
)

// bootKind is what an entry of the boot order is.
type bootKind uint8

const (
	bootFloppy bootKind = 1 + iota
	bootHard
	bootCDROM
	bootROM // by an option ROM: network
)

// bootItem is one thing to boot from.
type bootItem struct {
	kind  bootKind
	name  string
	drive *Drive
	entry uint32 // bootROM: far pointer to its bootstrap entry vector
	index int    // the user's place for it; -1: by its kind
}

// bootState is how far booting has come.
type bootState struct {
	list    []bootItem
	at      int
	tried   []string // what was tried, and why it failed
	sectors sectors
	asked   bool
	failed  bool  // everything
	until   int64 // when the firmware tries again; 0: never
}

// bootList is what can be booted, in order.
func (f *Firmware) bootList() []bootItem {
	rank := map[bootKind]int{}
	order := [3]uint8{f.cmos(cmosBootOrder1) & 15, f.cmos(cmosBootOrder1) >> 4, f.cmos(cmosBootOrder2) >> 4}
	for i, k := range order {
		if _, twice := rank[bootKind(k)]; !twice {
			rank[bootKind(k)] = i
		}
	}
	of := func(k bootKind) int {
		if r, ok := rank[k]; ok {
			return r
		}
		return len(order) + int(k)
	}
	var list []bootItem
	add := func(k bootKind, what string, d *Drive) {
		list = append(list, bootItem{kind: k, name: what + " " + d.Name, drive: d, index: d.Info().BootIndex})
	}
	for _, d := range f.disks.floppies {
		if d != nil {
			add(bootFloppy, "diskette", d)
		}
	}
	for _, d := range f.disks.hard {
		add(bootHard, "hard disk", d)
	}
	for _, d := range f.disks.cds {
		add(bootCDROM, "CD", d)
	}
	list = append(list, f.romBoots...)
	slices.SortStableFunc(list, func(x, y bootItem) int {
		const last = 1 << 30
		xi, yi := x.index, y.index
		if xi < 0 {
			xi = last
		}
		if yi < 0 {
			yi = last
		}
		if d := cmp.Compare(xi, yi); d != 0 || xi < last {
			return d
		}
		return cmp.Compare(of(x.kind), of(y.kind))
	})
	if strings.Contains(string(f.fwCfgFile(fileBootOrder)), haltEntry) {
		list = slices.DeleteFunc(list, func(x bootItem) bool {
			_, ordered := rank[x.kind]
			return x.index < 0 && !ordered
		})
	}
	return list
}

// int19 is INT 19h: boot.
func (f *Firmware) int19(c *Call) Result {
	if !c.Retry {
		f.boot = bootState{list: f.bootList()}
		f.promote()
		f.freshStack(c)
	}
	return f.bootOn(c)
}

// promote puts what the user has chosen in the menu first.
func (f *Firmware) promote() {
	i := slices.IndexFunc(f.boot.list, func(x bootItem) bool { return f.chosen != "" && x.name == f.chosen })
	if i > 0 {
		x := f.boot.list[i]
		f.boot.list = slices.Insert(slices.Delete(f.boot.list, i, i+1), 0, x)
	}
}

// int18 is INT 18h: what was booted gives up.
func (f *Firmware) int18(c *Call) Result {
	if !c.Retry {
		f.freshStack(c)
		if b := &f.boot; b.at < len(b.list) {
			b.tried = append(b.tried, b.list[b.at].name+": it was started, and gave up")
			b.at, b.sectors, b.asked = b.at+1, sectors{}, false
		}
	}
	return f.bootOn(c)
}

// freshStack gives the firmware a stack of its own.
func (f *Firmware) freshStack(c *Call) {
	c.SetSeg(SS, 0)
	c.GPR[SP] = postStack
	c.EFLAGS = c.EFLAGS&^(flagTF|flagDF) | flagIF
	c.Key = c.frame()
}

// bootOn tries one thing after the other.
func (f *Firmware) bootOn(c *Call) Result {
	b := &f.boot
	for b.at < len(b.list) {
		x := b.list[b.at]
		if !b.asked {
			b.asked = true
			f.print(c, "Booting from "+x.name+"...\n")
		}
		b.sectors.next = 0
		err := f.try(c, &x)
		switch {
		case err == nil:
			return Done
		case errors.Is(err, errWait):
			return Again
		}
		b.tried = append(b.tried, x.name+": "+err.Error())
		b.at, b.sectors, b.asked = b.at+1, sectors{}, false
	}
	return f.bootFailed(c)
}

// bootFailed tells what was tried, and waits.
func (f *Firmware) bootFailed(c *Call) Result {
	b := &f.boot
	if !b.failed {
		b.failed = true
		f.print(c, "\nNo bootable device.\n")
		if len(b.tried) == 0 {
			f.print(c, "There is no disk, CD or diskette drive.\n")
		}
		for _, s := range b.tried {
			f.print(c, "  "+s+"\n")
		}
		if w := f.fwCfgFile(fileFailWait); len(w) >= 4 && int32(le.Uint32(w)) >= 0 {
			b.until = f.opt.Clock.Now() + int64(le.Uint32(w))*1e6
			f.print(c, fmt.Sprintf("Trying again in %d s.\n", le.Uint32(w)/1000))
		}
	}
	if b.until != 0 {
		if f.opt.Clock.Now() >= b.until {
			f.restart(c)
			return Done
		}
		f.timer.At(b.until)
	}
	return Again
}

// restart resets the machine, as far as it goes by itself.
func (f *Firmware) restart(c *Call) {
	f.outAll([]portValue{{portReset, 2}, {portReset, 6}, {portKBCtl, 0xfe}})
	c.jump(romSeg, f.rom.offset("entry_post"))
}

// try boots from one thing.
func (f *Firmware) try(c *Call, x *bootItem) error {
	switch x.kind {
	case bootFloppy:
		return f.bootSector(c, x.drive, uint8(x.drive.Unit), f.cmos(cmosBootOrder2)&1 == 0)
	case bootHard:
		i := slices.Index(f.disks.hard, x.drive)
		if i > 0 { // it becomes the first
			f.disks.hard = slices.Insert(slices.Delete(f.disks.hard, i, i+1), 0, x.drive)
			f.tellDisks(c)
		}
		return f.bootSector(c, x.drive, firstDisk, true)
	case bootCDROM:
		return f.bootCD(c, &f.boot.sectors, x.drive, firstCD+uint8(slices.Index(f.disks.cds, x.drive)))
	}
	f.callROM(c, x.entry)
	return nil
}

// bootSector starts the first sector of a diskette or hard disk.
func (f *Firmware) bootSector(c *Call, d *Drive, number uint8, signed bool) error {
	m, ok := d.Medium()
	if !ok {
		return block.ErrNoMedium
	}
	if m.Size < 512 {
		return fmt.Errorf("the medium has %d bytes, less than a boot sector", m.Size)
	}
	p, err := f.read(c, &f.boot.sectors, d, 0, max(m.Sector, 512))
	if err != nil {
		return err
	}
	if signed && (p[510] != 0x55 || p[511] != 0xaa) {
		return fmt.Errorf("no boot signature 55 AA (there is %02X %02X)", p[510], p[511])
	}
	f.startAt(c, 0x07c0, p[:512], number)
	return nil
}

// startAt puts a boot image at a segment and has the processor run it.
func (f *Firmware) startAt(c *Call, segment uint16, image []byte, drive uint8) {
	c.Write(uint32(segment)<<4, image)
	for _, s := range []int{ES, DS, FS, GS} {
		c.SetSeg(s, 0)
	}
	for r := range c.GPR {
		if r != SP {
			c.GPR[r] = 0
		}
	}
	c.GPR[AX] = 0xaa55
	c.GPR[DX] = uint32(drive)
	c.EFLAGS = flagIF | 2
	c.jump(segment&0xf000, segment<<4)
}

// bootMenu asks what to boot. again: the user has not chosen yet.
func (f *Firmware) bootMenu(c *Call) (again bool) {
	m := &f.menu
	switch {
	case m.over || !f.fwCfg || le.Uint16(f.fwCfgItem(fwCfgBootMenu, 2)) == 0:
		return false
	case m.until == 0:
		wait := int64(2500)
		if p := f.fwCfgFile(fileBootWait); len(p) >= 2 {
			wait = int64(le.Uint16(p))
		}
		m.until = f.opt.Clock.Now() + wait*1e6
		f.print(c, "Press F12 or ESC for the boot menu.\n\n")
	}
	f.serialIdle(c, true)
	for {
		key, ok := f.takeKey(c)
		switch {
		case !ok && m.open:
			return true
		case !ok:
			if f.opt.Clock.Now() < m.until {
				f.timer.At(m.until)
				return true
			}
			m.over = true
			return false
		case !m.open && (key>>8 == scanF12 || uint8(key) == 0x1b):
			m.open = true
			m.list = f.bootList()
			f.print(c, "Select what to boot:\n\n")
			for i, x := range m.list {
				f.print(c, fmt.Sprintf("%c. %s\n", menuKey(i), x.name))
			}
			f.print(c, "\nESC boots in the usual order.\n")
		case m.open && uint8(key) == 0x1b:
			m.over = true
			return false
		case m.open:
			for i, x := range m.list {
				if menuKey(i) == lower(uint8(key)) {
					f.chosen, m.over = x.name, true
					return false
				}
			}
		}
	}
}

// menuState is the state of the boot menu.
type menuState struct {
	list  []bootItem
	until int64 // when nobody is waited for any more
	open  bool
	over  bool
}

// menuKey is the key for an entry of the menu: 1 to 9, then letters.
func menuKey(i int) uint8 {
	if i < 9 {
		return '1' + uint8(i)
	}
	return 'a' + uint8(i-9)%26
}

// lower makes a small letter of a capital.
func lower(b uint8) uint8 {
	if b >= 'A' && b <= 'Z' {
		b += 'a' - 'A'
	}
	return b
}

// print shows text.
func (f *Firmware) print(c *Call, s string) {
	for i := range len(s) {
		if s[i] == '\n' {
			f.putc(c, '\r')
		}
		f.putc(c, s[i])
	}
}

// putc shows a character.
func (f *Firmware) putc(c *Call, b byte) {
	at := f.serialCursor(c)
	f.teletype(c, b)
	if !f.graphics {
		f.serialTeletype(c, b, at)
		f.serialFlush(c)
	}
}
