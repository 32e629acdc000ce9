package main

import (
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"goemu/emu"
)

func TestParse(t *testing.T) {
	base := emu.Config{Memory: 128 << 20, Display: "none", Accel: emu.AccelBest}
	for _, c := range []struct {
		args string
		want func(*emu.Config)
	}{
		{"", func(*emu.Config) {}},
		{"-m 512 -nographic", func(c *emu.Config) { c.Memory, c.NoGraphics = 512<<20, true }},
		{"-m 1G --no-reboot", func(c *emu.Config) { c.Memory, c.NoReboot = 1<<30, true }},
		{"-M pc-q35-7.2,hpet=off,smm=off,usb=off,vmport=auto,graphics=off,accel=interp", func(c *emu.Config) {
			c.Machine, c.NoHPET, c.NoSMM, c.NoGraphics, c.Accel = "pc-q35-7.2", true, true, true, emu.AccelInterp
		}},
		{"-machine type=q35", func(c *emu.Config) { c.Machine = "q35" }},
		{"-m size=64M -M pc", func(c *emu.Config) { c.Memory, c.Machine = 64<<20, "pc" }},
		{"-kernel k -initrd i -append a=b", func(c *emu.Config) { c.Kernel, c.Initrd, c.Append = "k", "i", "a=b" }},
		{"-accel interp", func(c *emu.Config) { c.Accel = emu.AccelInterp }},
		{"-accel kvm", func(c *emu.Config) { c.Accel = emu.AccelKVM }},
		{"-accel kvm:interp", func(c *emu.Config) { c.Accel = emu.AccelKVMOrInterp }},
		{"-enable-kvm", func(c *emu.Config) { c.Accel = emu.AccelKVM }},
		{"-accel interp:kvm", func(c *emu.Config) { c.Accel = emu.AccelInterp }},
		{"-icount shift=5,sleep=off", func(c *emu.Config) { c.Icount, c.Shift, c.NoSleep = true, 5, true }},
		{"-hda a,b -cdrom c -fdb d -drive if=none,id=x disk.img", func(c *emu.Config) {
			c.Drives = []string{"file=a,,b,index=0,media=disk", "file=c,index=2,media=cdrom", "file=d,if=floppy,index=1", "if=none,id=x",
				"file=disk.img,index=0,media=disk"}
			c.DriveNames = []string{"-hda a,b", "-cdrom c", "-fdb d", "-drive if=none,id=x", "disk image disk.img"}
		}},
		{"-snapshot", func(c *emu.Config) { c.Snapshot = true }},
		{"-icount auto", func(c *emu.Config) { c.Icount, c.Shift = true, 3 }},
		{"-device isa-debug-exit,iobase=0xf4,iosize=4", func(c *emu.Config) {
			c.Devices = []string{"isa-debug-exit,iobase=0xf4,iosize=4"}
		}},
		{"-bios b.bin -L x -L y", func(c *emu.Config) { c.Firmware, c.FirmwareDirs = "b.bin", []string{"x", "y"} }},
		{"-machine pc,accel=interp,pflash1=v", func(c *emu.Config) { c.Machine, c.Accel, c.Pflash[1] = "pc", emu.AccelInterp, "v" }},
		{"-boot dc", func(c *emu.Config) { c.Boot.Order = "dc" }},
		{"-boot order=c,once=a,menu=on,strict=on,splash-time=100,reboot-timeout=-1", func(c *emu.Config) {
			wait, forever := 100, -1
			c.Boot = emu.BootOptions{Order: "c", Once: "a", Menu: true, Strict: true, SplashTime: &wait, RebootTimeout: &forever}
		}},
		{"-monitor unix:/x,server,nowait", func(c *emu.Config) { c.Monitor = []string{"unix:/x,server,nowait"} }},
		{"-display tty", func(c *emu.Config) { c.Display = "tui" }},
		{"-vga none", func(c *emu.Config) { c.NoVGA = true }},
		{"-fw_cfg opt/x,string=y", func(c *emu.Config) { c.FwCfg = []string{"opt/x,string=y"} }},
		{"-chardev file,id=x,path=/tmp/a -serial chardev:x", func(c *emu.Config) {
			c.Chardevs = []string{"file,id=x,path=/tmp/a"}
			c.Serial = []string{"chardev:x"}
		}},
	} {
		want := base
		c.want(&want)
		s, err := parse(strings.Fields(c.args), io.Discard)
		if err != nil {
			t.Errorf("%s: %v", c.args, err)
			continue
		}
		got := &s.cfg
		got.Interactive, got.Stdout, got.Stderr = false, nil, nil
		if d := cmp.Diff(&want, got, cmpopts.EquateEmpty()); d != "" {
			t.Errorf("%s: %s", c.args, d)
		}
	}
}

// Each error must hold the words that help: what was given and what would be right.
func TestErrors(t *testing.T) {
	for args, want := range map[string]string{
		"-kernal x":               "did you mean -kernel",
		"-m lots":                 `"lots" is not a size`,
		"-accel warp":             "tcg, interp",
		"-accel hvf":              "-accel tcg",
		"-M q35,type=pc":          "two boards",
		"-M q35,usb=on":           "no such device",
		"-M q35,smm=2":            "want on, off or auto",
		"-M q36":                  "unsupported machine type",
		"-d asm":                  "in_asm",
		"-d int -dfilter 5":       "START..END",
		"-initrd x":               "need -kernel",
		"-icount shift=77":        "0 to 10",
		"-dfilter 0x1000+16":      "needs -d",
		"-M pc,warp=9":            "warp= is not known",
		"-boot z":                 `letter 'z'`,
		"-boot cc":                "twice",
		"-boot acdn":              "at most 3",
		"-boot menu=maybe":        "on or off",
		"-boot splash-time=-3":    "from 0 to 65535",
		"-boot late=x":            "want order",
		"a.img b.img":             "one disk image",
		"-vga cirrus":             "has std",
		"-vnc 5900":               "-vnc 5900: want HOST:DISPLAY",
		"-vnc :0,sasl=on":         "goemu has no sasl=",
		"-display gtk":            "have: curses, none",
		"-display tty -nographic": "both",
		"-zzzzzz":                 "lists all",
	} {
		_, err := parse(strings.Fields(args), io.Discard)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want one with %q", args, err, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, o := range options {
		f.Add(o.example)
	}
	f.Add("-m512 --m=5 -kernel -- -x")
	f.Fuzz(func(t *testing.T, line string) {
		if s, err := parse(strings.Fields(line), io.Discard); err == nil && s == nil {
			t.Error("neither settings nor an error")
		}
	})
}
