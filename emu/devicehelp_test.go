package emu

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// What help tells of a device is what it takes: each property with its preset value, and none beside.
func TestDeviceHelp(t *testing.T) {
	disk := filepath.Join(t.TempDir(), "disk.img")
	if err := os.WriteFile(disk, make([]byte, 1<<20), 0o666); err != nil {
		t.Fatal(err)
	}
	values := map[string]string{
		"drive": "d", "chardev": "c", "addr": "1e", "bootindex": "1", "unit": "1", "serial": "x", "model": "x", "ver": "x",
	}
	try := func(d deviceInfo, props string) error {
		cfg := Config{NoVGA: true, NoDefaults: true, Chardevs: []string{"null,id=c"}, Devices: []string{d.name + props}}
		if strings.Contains(props, "drive=") {
			cfg.Drives = []string{"if=none,id=d,format=raw,file=" + disk}
		}
		m, err := New(cfg)
		if err != nil {
			return err
		}
		return m.Close()
	}
	for _, d := range deviceInfos {
		base := ""
		if d.name == "ide-hd" {
			base = ",drive=d"
		}
		for _, p := range d.props {
			v := p.preset
			if v == "" {
				v = values[p.name]
			}
			switch {
			case p.name == "bus":
				v = map[string]string{"IDE": "ide.1", "floppy-bus": "floppy-bus.0"}[d.bus]
			case p.name == "drive" && base != "":
				continue
			}
			if err := try(d, fmt.Sprintf("%s,%s=%s", base, p.name, v)); err != nil {
				t.Errorf("%s,%s=%s: %v", d.name, p.name, v, err)
			}
		}
		if err := try(d, base+",warp=9"); err == nil {
			t.Errorf("%s,warp=9 is taken", d.name)
		}
	}
	if !slices.IsSortedFunc(deviceInfos, func(a, b deviceInfo) int {
		if a.category != b.category {
			return 0
		}
		return strings.Compare(strings.ToLower(a.name), strings.ToLower(b.name))
	}) {
		t.Error("devices are not in order")
	}
	if _, err := New(Config{Devices: []string{"e1000"}}); err == nil || !strings.Contains(err.Error(), "'e1000' is not a valid device model name") {
		t.Errorf("unknown device: %v", err)
	}
}
