package board

import (
	"encoding/binary"
	"testing"

	"goemu/devices/fwcfg"
)

// item reads a fw_cfg item through the ports.
func (b *bench) item(key uint16, n int) []byte {
	b.pc.Ports.Out(fwcfg.SelectorPort, 2, uint32(key))
	p := make([]byte, n)
	for i := range p {
		p[i] = b.in(fwcfg.DataPort)
	}
	return p
}

// file reads a fw_cfg file as firmware does; nil if there is none.
func (b *bench) file(name string) []byte {
	n := int(binary.BigEndian.Uint32(b.item(fwcfg.FileDir, 4)))
	dir := b.item(fwcfg.FileDir, 4+64*n)[4:]
	for ; len(dir) > 0; dir = dir[64:] {
		var text [56]byte
		copy(text[:], name)
		if string(dir[8:64]) == string(text[:]) {
			return b.item(binary.BigEndian.Uint16(dir[4:]), int(binary.BigEndian.Uint32(dir)))
		}
	}
	return nil
}

func (b *bench) cmos(i uint8) uint8 {
	b.out(0x70, i)
	return b.in(0x71)
}

func TestBootOrder(t *testing.T) {
	wait, forever := 300, -1
	for _, c := range []struct {
		boot         BootOptions
		first, third uint8 // CMOS at power-on
		after        uint8 // CMOS 3Dh after a reset
		menu         byte
	}{
		{BootOptions{}, 0x12, 0x30, 0x12, 0},
		{BootOptions{Order: "d"}, 0x03, 0x00, 0x03, 0},
		{BootOptions{Order: "c", Once: "nda", Menu: true, Strict: true}, 0x34, 0x10, 0x02, 1},
		{BootOptions{SplashTime: &wait, RebootTimeout: &forever}, 0x12, 0x30, 0x12, 0},
	} {
		b := newBench(t, func(cfg *Config) { cfg.Boot = c.boot })
		if got := string(b.file("bootorder")); (got == "HALT\x00") != c.boot.Strict {
			t.Errorf("%+v, no devices: order %q", c.boot, got)
		}
		if x, y := b.cmos(0x3d), b.cmos(0x38); x != c.first || y != c.third {
			t.Errorf("%+v: CMOS has %#x and %#x", c.boot, x, y)
		}
		b.pc.Reset()
		if got := b.cmos(0x3d); got != c.after {
			t.Errorf("%+v: CMOS has %#x after a reset", c.boot, got)
		}
		if got := b.item(fwcfg.BootMenu, 2); got[0] != c.menu {
			t.Errorf("%+v: menu %d", c.boot, got)
		}
		if got := b.file("etc/boot-menu-wait"); (c.boot.SplashTime != nil) != (len(got) == 2 && got[0] == 44 && got[1] == 1) {
			t.Errorf("%+v: menu waits %d", c.boot, got)
		}
		if got := b.file("etc/boot-fail-wait"); (c.boot.RebootTimeout != nil) != (len(got) == 4 && got[3] == 0xff) {
			t.Errorf("%+v: failure waits %d", c.boot, got)
		}
	}
	pc := &PC{FwCfg: fwcfg.New(nil)}
	pc.AddBootDevice(5, "/a")
	pc.AddBootDevice(1, "/b")
	pc.AddBootDevice(-1, "/none")
	pc.AddBootDevice(1, "/c")
	if err := pc.addBootFiles(); err != nil {
		t.Fatal(err)
	}
	b := &bench{t: t, pc: newBench(t, nil).pc}
	b.pc.FwCfg = pc.FwCfg
	pc.FwCfg.MapInto(b.pc.Ports)
	if got := string(b.file("bootorder")); got != "/b\n/c\n/a\x00" {
		t.Errorf("order %q", got)
	}
}
