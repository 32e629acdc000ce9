package board

import (
	"fmt"
	"testing"

	"goemu/devices/i440fx"
	"goemu/devices/piix4pm"
)

// Who sees the RAM at A0000h to BFFFFh (82441FX data sheet, SMRAM).
func TestSMRAM(t *testing.T) {
	b := newBench(t, nil)
	const open, lock, enable, base = 1 << 6, 1 << 4, 1 << 3, 2
	b.pc.cfg.RAM[0xa0000], b.pc.cfg.RAM[0xbffff] = 0x11, 0x22
	for _, c := range []struct {
		register    uint32
		normal, smm bool
		stored      uint32
		name        string
		reset       bool
	}{
		{base, false, false, base, "off", false},
		{base | open, false, false, base | open, "open, but off", false},
		{base | enable, false, true, base | enable, "on", false},
		{base | enable | open, true, true, base | enable | open, "open", false},
		{base | enable | lock | open, false, true, base | enable | lock, "locked", false},
		{base | enable | open, false, true, base | enable | lock, "still locked", false},
		{base | enable | open, true, true, base | enable | open, "after reset", true},
	} {
		if c.reset {
			b.pc.Reset()
		}
		b.pc.PCI.At(0, 0).WriteConfig(i440fx.SMRAM, 1, c.register)
		if got := b.pc.PCI.At(0, 0).ReadConfig(i440fx.SMRAM, 1); got != c.stored {
			t.Errorf("%s: register %#x, want %#x", c.name, got, c.stored)
		}
		for _, smm := range []bool{false, true} {
			b.pc.SetSMM(smm)
			want := uint64(0xffff)
			if smm && c.smm || !smm && c.normal {
				want = 0x2211
			}
			if got := b.pc.Space.Read(0xa0000, 1)&0xff | b.pc.Space.Read(0xbffff, 1)&0xff<<8; got != want {
				t.Errorf("%s, SMM %v: reads %#x, want %#x", c.name, smm, got, want)
			}
		}
		b.pc.SetSMM(false)
	}
}

// The APM control port interrupts the bootstrap processor if DEVACTB and GLBCTL let it (82371AB data sheet 7.2).
func TestAPMInterrupt(t *testing.T) {
	var smis []string
	b := newBench(t, func(c *Config) { c.OnSMI = func(cpu int) { smis = append(smis, fmt.Sprint(cpu)) } })
	const devActB, apmc, status, control = 0x58, 1 << 25, piix4pm.PMBase + 0x18, piix4pm.PMBase + 0x28
	for _, c := range []struct {
		name              string
		device            uint32
		global, sts, smis int
	}{{"off", 0, 1, 0, 0}, {"no SMI", apmc, 0, 0x20, 0}, {"on", apmc, 1, 0x20, 1}} {
		smis = nil
		b.out(status, 0xff)
		b.pc.PCI.At(1, 3).WriteConfig(devActB, 4, c.device)
		b.out(control, uint8(c.global))
		b.out(piix4pm.APMControl, 0x12)
		if int(b.in(status)) != c.sts || len(smis) != c.smis || c.smis == 1 && smis[0] != "0" {
			t.Errorf("%s: status %#x, SMIs %v", c.name, b.in(status), smis)
		}
	}
}
