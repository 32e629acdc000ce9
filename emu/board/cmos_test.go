package board

import (
	"fmt"
	"strings"
	"testing"

	"goemu/devices/block"
)

// emptyDisk is a drive that only says what it is.
type emptyDisk struct {
	block.Drive
	size int64 // 0: no medium
	info block.Info
}

func (d emptyDisk) Medium() (block.Medium, bool) {
	return block.Medium{Size: d.size, Sector: 512, Physical: 512}, d.size > 0
}
func (d emptyDisk) Info() block.Info    { return d.info }
func (emptyDisk) OnChange(func())       {}
func (emptyDisk) OnEjectRequest(func()) {}
func (emptyDisk) Lock(bool)             {}

// The cells of CMOS memory that tell of drives as in QEMU 7.2 with the same disks; an empty floppy drive is one of 2.88 MB there, too.
func TestCMOSDrives(t *testing.T) {
	floppy := func(size int64) emptyDisk { return emptyDisk{size: size, info: block.Info{Kind: block.Floppy}} }
	hard := func(size int64) emptyDisk { return emptyDisk{size: size} }
	for _, c := range []struct {
		name  string
		drive []Drive
		want  string // bytes 10h, 12h, 14h, 19h, 1Ah, 1Bh to 23h, 24h to 2Ch, 39h
	}{
		{"nothing", nil, "00 00 06 00 00 000000000000000000 000000000000000000 00"},
		{"floppies", []Drive{{Drive: floppy(1440 << 10), Bus: BusFloppy}, {Drive: floppy(0), Bus: BusFloppy, Unit: 1}},
			"45 00 47 00 00 000000000000000000 000000000000000000 00"},
		{"second floppy", []Drive{{Drive: floppy(1200 << 10), Bus: BusFloppy, Unit: 1}}, "02 00 07 00 00 000000000000000000 000000000000000000 00"},
		{"disks", []Drive{{Drive: hard(100 << 20), Bus: BusIDE}, {Drive: hard(2 << 30), Bus: BusIDE, Unit: 1}, {Drive: hard(20 << 30), Bus: BusIDE, Port: 1, Unit: 1}},
			"00 ff 06 2f 2f cb0010ffffc8cb003f 411010ffffc841103f 44"},
		{"CD", []Drive{{Drive: emptyDisk{size: 1 << 20, info: block.Info{Kind: block.CD}}, Bus: BusIDE}},
			"00 00 06 00 00 000000000000000000 000000000000000000 00"},
		{"geometry", []Drive{{Drive: emptyDisk{size: 1 << 30, info: block.Info{Cylinders: 0x123, Heads: 5, Sectors: 17}}, Bus: BusIDE}},
			"00 f0 06 2f 00 230105ffffc0230111 000000000000000000 00"},
	} {
		b := newBench(t, func(cfg *Config) { cfg.Drives = c.drive })
		var got strings.Builder
		for _, r := range [][2]int{{0x10, 0x10}, {0x12, 0x12}, {0x14, 0x14}, {0x19, 0x19}, {0x1a, 0x1a}, {0x1b, 0x23}, {0x24, 0x2c}, {0x39, 0x39}} {
			for i := r[0]; i <= r[1]; i++ {
				fmt.Fprintf(&got, "%02x", b.pc.RTC.CMOS(i))
			}
			got.WriteByte(' ')
		}
		if s := strings.TrimSpace(got.String()); s != c.want {
			t.Errorf("%s:\n%s, want\n%s", c.name, s, c.want)
		}
	}
	cfg := newBench(t, nil).pc.cfg
	cfg.Drives = []Drive{{Drive: floppy(5 << 20), Bus: BusFloppy}}
	if _, err := NewPC(cfg); err == nil || !strings.Contains(err.Error(), "floppy drive 0: floppy image of 5242880 bytes") {
		t.Errorf("a floppy disk of 5 MiB: %v", err)
	}
}
