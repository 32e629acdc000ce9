package emu

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// files makes images of a megabyte.
func files(t *testing.T, names ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, n := range names {
		if err := os.WriteFile(filepath.Join(dir, n), bytes.Repeat([]byte{1}, 1<<20), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir + "/"
}

func TestDrivePlaces(t *testing.T) {
	dir := files(t, "a", "b", "c", "d")
	for _, c := range []struct {
		name            string
		drives, devices []string
		nodefaults      bool
		want            string
	}{
		{name: "defaults", want: "ide1-cd0 ide 1.0; floppy0 floppy 0.0"},
		{name: "nothing", nodefaults: true},
		{name: "in turn", drives: []string{"file=@a", "file=@b", "media=cdrom,file=@c"}, nodefaults: true,
			want: "ide0-hd0 ide 0.0; ide0-hd1 ide 0.1; ide1-cd0 ide 1.0"},
		{name: "places", drives: []string{"file=@a,index=3", "file=@b,bus=0,unit=1", "file=@c,if=floppy,index=1", "file=@d,if=floppy,id=f"}, nodefaults: true,
			want: "ide1-hd1 ide 1.1; ide0-hd1 ide 0.1; floppy1 floppy 0.1; f floppy 0.0"},
		{name: "the default CD gives way", drives: []string{"file=@a,index=2"}, want: "ide1-hd0 ide 1.0; floppy0 floppy 0.0"},
		{name: "devices", drives: []string{"file=@a,if=none,id=x", "file=@b,if=none,id=y"},
			devices: []string{"ide-hd,drive=y,bus=ide.1,unit=1,id=z,serial=1", "ide-cd,drive=x", "floppy,unit=1"},
			want:    "z ide 1.1; x ide 0.0;  floppy 0.1; floppy0 floppy 0.0"},
	} {
		cfg := Config{NoDefaults: c.nodefaults, Serial: []string{"none"}, Devices: c.devices}
		for _, d := range c.drives {
			cfg.Drives = append(cfg.Drives, strings.ReplaceAll(d, "@", dir))
		}
		m := &Machine{cfg: cfg, clock: newClock(func() {})}
		drives, devices, err := m.openDrives()
		if err != nil || len(devices) != 0 {
			t.Errorf("%s: %v, devices left: %v", c.name, err, devices)
			continue
		}
		if err := m.closeDrives(); err != nil {
			t.Error(err)
		}
		var got []string
		for _, d := range drives {
			got = append(got, fmt.Sprintf("%s %s %d.%d", d.ID, d.Bus, d.Port, d.Unit))
		}
		m.abandon()
		if d := cmp.Diff(c.want, strings.Join(got, "; ")); d != "" {
			t.Errorf("%s: %s", c.name, d)
		}
	}
}

func TestDriveErrors(t *testing.T) {
	dir := files(t, "a", "b")
	for _, c := range []struct {
		drives, devices []string
		want            string
		names           []string
	}{
		{drives: []string{"file=@a", "file=/nowhere,index=3"}, names: []string{"-hda a", "-hdd /nowhere"}, want: "-hdd /nowhere: Could not open"},
		{drives: []string{"file=/nowhere"}, want: "-drive file=/nowhere: Could not open '/nowhere': No such file or directory"},
		{drives: []string{"file=@a,zork=1"}, want: `no property "zork"`},
		{drives: []string{"file=@a,zork"}, want: "is not prop=value"},
		{drives: []string{"if=ide"}, want: "file= is missing"},
		{drives: []string{"file=@a,index=0", "file=@b,index=0"}, want: "drive with bus=0, unit=0 (index=0) exists"},
		{drives: []string{"file=@a,index=9"}, want: "index=9: the board has places 0 to 3"},
		{drives: []string{"file=@a", "file=@a"}, want: "lock"},
		{drives: []string{"file=@a,id=x", "file=@b,id=x"}, want: "used twice"},
		{devices: []string{"ide-hd,drive=x"}, want: "no -drive with this id"},
		{devices: []string{"ide-hd"}, want: "drive= is missing"},
		{devices: []string{"ide-cd,zork=1"}, want: `ide-cd has no property "zork"`},
		{drives: []string{"file=@a,id=x"}, devices: []string{"ide-hd,drive=x"}, want: "if=none"},
		{drives: []string{"file=@a,id=x,if=none"}, devices: []string{"ide-hd,drive=x,bus=ide.7"}, want: "have: ide.0, ide.1"},
		{drives: []string{"file=@a,id=x,if=none"}, devices: []string{"ide-hd,drive=x", "ide-hd,drive=x"}, want: "another device uses it"},
		{drives: []string{"file=@a,id=x,if=none"}, devices: []string{"ide-hd,drive=x,serial=123456789012345678901"}, want: "at most 20"},
		{drives: []string{"file=@a,id=x,if=none"}, devices: []string{"ide-hd,drive=x,logical_block_size=1000"}, want: "power of two"},
		{drives: []string{"file=@a,id=x,if=none"}, devices: []string{"ide-hd,drive=x,cyls=10"}, want: "go together"},
	} {
		cfg := Config{Serial: []string{"none"}, Devices: c.devices, DriveNames: c.names}
		for _, d := range c.drives {
			cfg.Drives = append(cfg.Drives, strings.ReplaceAll(d, "@", dir))
		}
		if m, err := New(cfg); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v %v: error %v, want one with %q", c.drives, c.devices, err, c.want)
			if err == nil {
				m.abandon()
			}
		}
	}
}

// Media can be changed before, while and after the machine runs, from any goroutine.
func TestChangeOfMedia(t *testing.T) {
	dir := files(t, "a", "b")
	m, err := New(Config{Drives: []string{"media=cdrom,file=" + dir + "a"}, Serial: []string{"none"}, Interactive: true})
	if err != nil {
		t.Fatal(err)
	}
	file := func() string { return m.Drives()[0].File }
	if file() != dir+"a" {
		t.Errorf("drives %+v", m.Drives())
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if _, err := m.Run(); err != nil {
			t.Error(err)
		}
	}()
	if err := m.Change("ide0-cd0", dir+"b", false); err != nil || file() != dir+"b" {
		t.Errorf("change: %v, %+v", err, m.Drives())
	}
	if err := m.Change("ide0-cd0", dir+"c", false); err == nil || !strings.Contains(err.Error(), "No such file") {
		t.Errorf("change to a file that is not there: %v", err)
	}
	if err := m.Eject("ide0-cd0", false); err != nil || file() != "" || !m.Drives()[0].TrayOpen {
		t.Errorf("eject: %v, %+v", err, m.Drives())
	}
	if err := m.Eject("ide0-cd1", false); err == nil || !strings.Contains(err.Error(), "have: ide0-cd0, ide1-cd0, floppy0") {
		t.Errorf("eject of nothing: %v", err)
	}
	m.Stop(0)
	<-done
	if err := m.Eject("ide0-cd0", false); err == nil {
		t.Error("eject after the end")
	}
}
