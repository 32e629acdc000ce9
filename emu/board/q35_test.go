package board

import (
	"bytes"
	"encoding/json"
	"fmt"
	"testing"

	"goemu/bios"
	"goemu/devices/lapic"
	"goemu/devices/pci"
	"goemu/devices/q35"
)

func onQ35(c *Config) { c.Machine = Q35 }

// A message of a PCI function is an interrupt of the local APIC on either board; INTx is then silent.
func TestMSI(t *testing.T) {
	for _, board := range []Machine{I440FX, Q35} {
		b := newBench(t, func(c *Config) { c.Machine, c.Devices = board, []string{"edu,addr=3"} })
		b.w4(lapic.DefaultBase+0xf0, 0x1ff)
		f := b.pc.PCI.At(3, 0)
		edu := uint64(f.ReadConfig(pci.BAR0, 4))
		f.WriteConfig(pci.Command, 2, pci.CommandMemory|pci.CommandBusMaster)
		f.WriteConfig(0x44, 4, 0xfee00000)
		f.WriteConfig(0x4c, 2, 0x0061)
		f.WriteConfig(0x42, 2, 1)
		b.pc.PCI.OnPIRQ = func(n int, _ bool) { t.Errorf("board %d: PIRQ %d", board, n) }
		b.w4(edu+0x60, 1)
		b.ack("MSI", 0x61)
		f.WriteConfig(0x44, 4, 0x1000) // a message to memory is a write to memory
		b.w4(0x1000, 0xffffffff)
		b.w4(edu+0x64, 1)
		b.w4(edu+0x60, 1)
		if got := b.r4(0x1000); got != 0x61 {
			t.Errorf("board %d: memory reads %#x", board, got)
		}
	}
}

// SMRAM of the Q35: who sees the bytes at A0000h, at FEDA0000h and those at the end of RAM.
func TestQ35SMRAM(t *testing.T) {
	b := newBench(t, onQ35)
	h := b.pc.PCI.At(0, 0)
	ram := b.pc.cfg.RAM
	end := uint64(len(ram))
	for _, at := range []uint64{vgaBase, end - 8<<20, end - 2<<20, end - 1<<20, end - 1} {
		ram[at] = 0x11
	}
	for _, c := range []struct {
		name           string
		smram, esmramc uint32
		smm            bool
		low, high      bool
		tseg           uint64 // bytes that are hidden
	}{
		{"off", 0x02, 0x05, true, false, false, 0},
		{"legacy", 0x0a, 0x00, true, true, false, 0},
		{"legacy, no SMM", 0x0a, 0x00, false, false, false, 0},
		{"open", 0x4a, 0x00, false, true, false, 0},
		{"high", 0x0a, 0x80, true, false, true, 0},
		{"TSEG of 1 MiB", 0x0a, 0x01, false, false, false, 1 << 20},
		{"TSEG of 2 MiB", 0x0a, 0x03, false, false, false, 2 << 20},
		{"TSEG of 8 MiB", 0x0a, 0x05, false, false, false, 8 << 20},
		{"TSEG in SMM", 0x0a, 0x05, true, true, false, 0},
		{"TSEG open", 0x4a, 0x05, false, true, false, 8 << 20}, // D_OPEN is for the legacy one
	} {
		h.WriteConfig(q35.ESMRAMC, 1, c.esmramc)
		h.WriteConfig(q35.SMRAM, 1, c.smram)
		b.pc.SetSMM(c.smm)
		seen := func(at uint64) bool { return b.pc.Space.Read(at, 1)&0xff == 0x11 }
		if seen(vgaBase) != c.low || seen(q35.HighSMRAM) != c.high {
			t.Errorf("%s: A0000h %v, FEDA0000h %v", c.name, seen(vgaBase), seen(q35.HighSMRAM))
		}
		for _, below := range []uint64{8 << 20, 2 << 20, 1 << 20, 1} {
			if got := seen(end - below); got != (below > c.tseg) {
				t.Errorf("%s: %#x bytes below the end of RAM: seen %v", c.name, below, got)
			}
		}
		b.pc.SetSMM(false)
	}
	b.pc.Reset()
	if b.pc.Space.Read(end-1, 1) != 0x11 {
		t.Error("TSEG after reset")
	}
}

// What -machine switches off is neither there nor in the tables, and firmware finds SMIs set up that never come.
func TestSwitches(t *testing.T) {
	for _, board := range []Machine{I440FX, Q35} {
		var smis int
		b := newBench(t, func(c *Config) {
			c.Machine, c.NoHPET, c.NoSMM = board, true, true
			c.OnSMI = func(int) { smis++ }
		})
		if got := b.r4(0xfed00000); got != 0xffffffff {
			t.Errorf("board %d: HPET reads %#x", board, got)
		}
		tables, err := bios.Build(b.pc.TablesConfig())
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := tables.Find("HPET"); ok {
			t.Errorf("board %d: a table of the HPET", board)
		}
		enabled := b.pc.Ports.In(0x630, 4)&(1<<5) != 0
		if board == I440FX {
			enabled = b.pc.PCI.At(1, 3).ReadConfig(0x58, 4)&(1<<25) != 0
			b.pc.Ports.Out(0x628, 1, 1)
		} else {
			b.pc.Ports.Out(0x630, 1, 1)
		}
		b.out(0xb2, 0x55)
		if !enabled || smis != 0 {
			t.Errorf("board %d: APMC_EN %v, %d SMIs", board, enabled, smis)
		}
	}
}

// Tables tell of configuration space and BARs where they are, not where they were.
func TestTablesFollow(t *testing.T) {
	b := newBench(t, func(c *Config) { c.Machine, c.Devices = Q35, []string{"pci-testdev,membar=0x100000,addr=4"} })
	h, d := b.pc.PCI.At(0, 0), b.pc.PCI.At(4, 0)
	h.WriteConfig(q35.PCIEXBAR, 4, 0xe0000001)
	if got := b.r4(0xe00f8000); got != 0x29188086 {
		t.Errorf("LPC bridge reads %#x in memory", got)
	}
	d.WriteConfig(pci.BAR0+8, 4, 0)
	d.WriteConfig(pci.BAR0+12, 4, 0x20)
	c := b.pc.TablesConfig()
	want := bios.Config{
		Board: bios.Q35, CPUs: 1, LowRAM: 32 << 20, HPET: true, FDC: true, FwCfg: true, PMBase: 0x600, NoVGA: true,
		MMConfig: bios.Window{Base: 0xe0000000, End: 0xf0000000}, PCIHigh: bios.Window{Base: 0x20_00000000, End: 0x20_40000000},
	}
	if fmt.Sprintf("%+v", c) != fmt.Sprintf("%+v", want) {
		t.Errorf("%+v\nwant %+v", c, want)
	}
	x := bios.NewLoader(c)
	if n := bytes.Count(x.Tables, []byte("MCFG")); n != 1 {
		t.Errorf("%d tables MCFG", n)
	}
}

func TestQ35SavedState(t *testing.T) {
	a := newBench(t, onQ35)
	a.pc.PCI.At(0, 0).WriteConfig(q35.ESMRAMC, 1, 0x05)
	a.pc.PCI.At(0, 0).WriteConfig(q35.SMRAM, 1, 0x1a)
	a.pc.cfg.OnSuspend = func() {}
	a.pc.Suspend()
	s := a.pc.SaveState()
	b := newBench(t, onQ35)
	if err := b.pc.RestoreState(s); err != nil {
		t.Fatal(err)
	}
	want, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := json.Marshal(b.pc.SaveState()); err != nil || !bytes.Equal(got, want) {
		t.Errorf("another state after restoring (%v)", err)
	}
	c := newBench(t, nil)
	if err := c.pc.RestoreState(s); err == nil {
		t.Error("pc took the state of q35")
	}
}
