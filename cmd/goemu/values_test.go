package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"goemu/emu"
)

func TestIdentityAndTime(t *testing.T) {
	for _, c := range []struct {
		args string
		want func(*emu.Config)
	}{
		{"-name lab", func(c *emu.Config) { c.Name = "lab" }},
		{"-name guest=lab,process=p,debug-threads=on", func(c *emu.Config) { c.Name = "lab" }},
		{"-rtc base=localtime", func(c *emu.Config) { c.RTCLocal = true }},
		{"-rtc base=2024-02-29,clock=vm", func(c *emu.Config) { c.RTCBase, c.RTCGuestTime = time.Date(2024, 2, 29, 0, 0, 0, 0, time.UTC), true }},
		{"-rtc base=2024-02-29T23:59:58,driftfix=slew,clock=host", func(c *emu.Config) {
			c.RTCBase, c.RTCHostTime = time.Date(2024, 2, 29, 23, 59, 58, 0, time.UTC), true
		}},
		{"-no-shutdown -S -no-reboot", func(c *emu.Config) { c.NoShutdown, c.Stopped, c.NoReboot = true, true, true }},
		{"-action reboot=shutdown,shutdown=pause,panic=none", func(c *emu.Config) { c.NoReboot, c.NoShutdown, c.Panic = true, true, emu.PanicNone }},
		{"-no-reboot -action reboot=reset", func(*emu.Config) {}},
		{"-m 1G,slots=2,maxmem=1G", func(c *emu.Config) { c.Memory = 1 << 30 }},
		{"-accel kvm -accel tcg,thread=multi,tb-size=64", func(c *emu.Config) { c.Accel = emu.AccelKVMOrTCG }},
		{"-machine pc,kernel-irqchip=split -accel tcg", func(c *emu.Config) { c.Machine, c.Accel, c.IRQChip = "pc", emu.AccelTCG, emu.IRQChipSplit }},
		{"-machine q35,kernel_irqchip=on -accel interp", func(c *emu.Config) { c.Machine, c.Accel, c.IRQChip = "q35", emu.AccelInterp, emu.IRQChipOn }},
		{"-accel kvm,kernel-irqchip=on", func(c *emu.Config) { c.Accel, c.IRQChip = emu.AccelKVM, emu.IRQChipOn }},
		{"-accel kvm:tcg,kernel-irqchip=off", func(c *emu.Config) { c.Accel, c.IRQChip = emu.AccelKVMOrTCG, emu.IRQChipOff }},
		{"-pflash code.fd", func(c *emu.Config) { c.Drives = []string{"file=code.fd,if=pflash"} }},
	} {
		s, err := parse(strings.Fields(c.args), io.Discard)
		if err != nil {
			t.Errorf("%s: %v", c.args, err)
			continue
		}
		none, _ := parse(nil, io.Discard)
		want := none.cfg
		c.want(&want)
		if d := cmp.Diff(want, s.cfg, cmpopts.EquateEmpty(), cmpopts.IgnoreFields(emu.Config{}, "DriveNames", "Stdout", "Stderr")); d != "" {
			t.Errorf("%s: %s", c.args, d)
		}
	}
	for args, want := range map[string]string{
		"-uuid 1234":                       "not a UUID",
		"-uuid 00000000-0000-0000-0000-00": "not a UUID",
		"-rtc base=yesterday":              "want utc, localtime",
		"-rtc clock=sundial":               "clock=sundial is not known",
		"-action watchdog=reset":           "watchdog=reset is not known",
		"-name guest=x,color=red":          "color=red",
		"-m 1G,maxmem=2G":                  "cannot be added later",
		"-accel tcg,warp=9":                "warp= is not known",
		"-accel tcg,kernel-irqchip=split":  "kernel-irqchip=split is for kvm, not for tcg",
		"-accel kvm,kernel-irqchip=half":   "kernel-irqchip=half: want on, split or off",
		"-machine pc,kernel-irqchip=":      "want on, split or off",
		"-net user":                        "no network",
		"-kernel":                          "-kernel needs a value: FILE",
		"-nographic=on":                    "-nographic takes no value",
	} {
		if _, err := parse(strings.Fields(args), io.Discard); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want one with %q", args, err, want)
		}
	}
}

func TestReadConfig(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		return path
	}
	path := write("vm.cfg", `# a machine
[machine]
  type = "q35"
  accel = "kvm:tcg"

[memory]
  size = "1G"

[drive "disk"]
  if = "none"
  file = "a,b.img"

[device "hd"]
  drive = "disk"
  driver = "ide-hd"

[chardev "log"]
  backend = "file"
  path = "serial.txt"

[smp-opts]
  cpus = "2"

[global]
  driver = "VGA"
  property = "xres"
  value = "800"
[rtc]
[name]
  guest = "x"
`)
	got, err := parse([]string{"-readconfig", path, "-serial", "chardev:log"}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	want, err := parse([]string{"-M", "type=q35,accel=kvm:tcg", "-m", "1G", "-drive", "if=none,file=a,,b.img,id=disk", "-device", "driver=ide-hd,drive=disk,id=hd",
		"-chardev", "file,path=serial.txt,id=log", "-smp", "2", "-global", "driver=VGA,property=xres,value=800", "-name", "x", "-serial", "chardev:log"}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want.cfg, got.cfg, cmpopts.IgnoreFields(emu.Config{}, "Stdout", "Stderr")); d != "" {
		t.Error(d)
	}
	for text, want := range map[string]string{
		"x = \"1\"":                        "line 1: x = \"1\": a [GROUP] comes first",
		"[machine]\ntype = q35":            "line 2: type = q35: want PROP",
		"[machine]\ntype = \"q36\"":        "line 1: -machine q36: unsupported machine type",
		"[warp]\nx = \"1\"":                "no group [warp]",
		"[drive disk]":                     "want [GROUP",
		"[drive \"d\"]\nx":                 "line 2",
		"[device]\ndriver = \"help\"":      "",
		strings.Repeat("#", maxConfigFile): "longer",
	} {
		bad := write("bad.cfg", text+"\n")
		_, err := parse([]string{"-readconfig", bad}, io.Discard)
		if err == nil || want != "" && !strings.Contains(err.Error(), want) {
			t.Errorf("%.40q: error %v, want one with %q", text, err, want)
		}
	}
	if _, err := parse([]string{"-readconfig", dir + "/none"}, io.Discard); err == nil || !strings.Contains(err.Error(), "no such file") {
		t.Errorf("no file: %v", err)
	}
}

func FuzzReadConfig(f *testing.F) {
	f.Add("[drive \"d\"]\n file = \"x\"\n[device]\ndriver = \"ide-hd\"\n")
	f.Fuzz(func(t *testing.T, text string) {
		s := &settings{out: io.Discard, find: findOption}
		if list, err := parseConfig(text); err == nil && len(list) > 0 {
			// The error is what is looked for: none may be a crash.
			_ = s.applyConfig(text)
		}
	})
}
