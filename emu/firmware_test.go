package emu

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"goemu/devices/fwcfg"
)

func TestFindFirmware(t *testing.T) {
	dir := t.TempDir()
	put := func(name string, size int) string {
		p := filepath.Join(dir, name)
		if err := os.WriteFile(p, make([]byte, size), 0o600); err != nil {
			t.Fatal(err)
		}
		return p
	}
	here := put("here.bin", 8<<10)
	c := Config{FirmwareDirs: []string{"/nowhere", dir}}
	for name, want := range map[string]string{here: here, "here.bin": here, "bios-256k.bin": "/usr/share/seabios/bios-256k.bin"} {
		if got, err := c.findFirmware(name); err != nil || got != want {
			t.Errorf("%s: found %s, %v", name, got, err)
		}
	}
	if rom, err := c.loadFirmware("here.bin", nil); err != nil || len(rom) != 8<<10 {
		t.Errorf("%d bytes, %v", len(rom), err)
	}
	put("odd.bin", 4097)
	put("empty.bin", 0)
	put("big.bin", 17<<20)
	for name, want := range map[string]string{
		"odd.bin": "4097 bytes", "empty.bin": "0 bytes", "big.bin": "to 16 MiB", "none.bin": "/usr/share/seabios", dir: "plain file",
	} {
		if _, err := c.loadFirmware(name, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want an error with %q", name, err, want)
		}
	}
}

func TestFwCfgOption(t *testing.T) {
	file := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(file, []byte("contents"), 0o600); err != nil {
		t.Fatal(err)
	}
	for s, want := range map[string]string{
		"opt/a,string=x,,y":       "x,y",
		"name=opt/a,string=":      "",
		"name=opt/a,file=" + file: "contents",
	} {
		name, data, err := parseFwCfg(s)
		if name != "opt/a" || string(data) != want || err != nil {
			t.Errorf("%s: %s, %q, %v", s, name, data, err)
		}
	}
	for s, want := range map[string]string{
		"opt/a":                   "string= or file=",
		"string=x":                "want a name",
		"opt/a,string=x,file=y":   "string= or file=",
		"opt/a,string=x,gen_id=y": "gen_id= is not known",
		"opt/a,file=/nowhere":     "/nowhere",
		"opt/a,file=/dev/zero":    "plain file",
		"opt/a,string=x,string=y": "twice",
		strings.Repeat("n", fwcfg.FileNameMax) + ",string=": "1 to 55",
	} {
		if _, _, err := parseFwCfg(s); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want an error with %q", s, err, want)
		}
	}
}
