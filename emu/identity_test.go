package emu

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"goemu/bios"
)

// newMachine makes a machine that is not run.
func newMachine(t *testing.T, cfg Config) *Machine {
	t.Helper()
	cfg.ConsoleOut = &bytes.Buffer{}
	m, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
	return m
}

// structure finds an SMBIOS structure: its formatted part, and its strings.
func structure(t *testing.T, m *Machine, kind byte) (p []byte, texts []string) {
	t.Helper()
	tables, err := bios.Build(m.board.TablesConfig())
	if err != nil {
		t.Fatal(err)
	}
	table, ok := tables.Find("SMBIOS table")
	if !ok {
		t.Fatal("no SMBIOS table")
	}
	d := table.Data
	for len(d) > 4 {
		n := int(d[1])
		end := n + bytes.Index(d[n:], []byte{0, 0})
		if d[0] == kind {
			return d[:n], strings.Split(string(d[n:end]), "\x00")
		}
		d = d[end+2:]
	}
	t.Fatalf("no structure of type %d", kind)
	return nil, nil
}

// A field is a string by its number in the byte at its offset (SMBIOS 2.8, chapter 7).
func TestSMBIOS(t *testing.T) {
	extra := filepath.Join(t.TempDir(), "extra")
	if err := os.WriteFile(extra, []byte("\x85\x05\x00\x85\x01hello\x00\x00"), 0o666); err != nil {
		t.Fatal(err)
	}
	m := newMachine(t, Config{
		UUID: "00112233-4455-6677-8899-aabbccddeeff",
		SMBIOS: []string{
			"type=0,vendor=V,version=7,date=02/29/2024,release=3.14", "type=1,manufacturer=ACME,product=Lab,,Two,serial=42,family=F", "type=1,sku=S",
			"type=2,product=Board,asset=A", "type=3,sku=C,asset=Q", "type=4,sock_pfx=Socket,part=P,max-speed=4000", "type=17,bank=B,speed=3200,loc_pfx=Slot",
			"type=11,value=one,value=two", "file=" + extra,
		},
	})
	for _, c := range []struct {
		kind byte
		at   int
		want string
	}{
		{0, 4, "V"}, {0, 5, "7"}, {0, 8, "02/29/2024"}, {1, 4, "ACME"}, {1, 5, "Lab,Two"}, {1, 6, "1"}, {1, 7, "42"}, {1, 25, "S"}, {1, 26, "F"},
		{2, 5, "Board"}, {2, 8, "A"}, {3, 8, "Q"}, {3, 21, "C"}, {4, 4, "Socket 0"}, {4, 34, "P"}, {17, 16, "Slot 0"}, {17, 17, "B"}, {17, 23, "goemu"}, {133, 4, "hello"},
	} {
		p, texts := structure(t, m, c.kind)
		if n := int(p[c.at]); n == 0 || n > len(texts) || texts[n-1] != c.want {
			t.Errorf("type %d, offset %d: string %d of %q, want %q", c.kind, c.at, n, texts, c.want)
		}
	}
	if p, _ := structure(t, m, 0); p[20] != 3 || p[21] != 14 {
		t.Errorf("release %d.%d", p[20], p[21])
	}
	if p, _ := structure(t, m, 1); hex.EncodeToString(p[8:24]) != "33221100554477668899aabbccddeeff" {
		t.Errorf("UUID % x", p[8:24])
	}
	if p, _ := structure(t, m, 4); p[20] != 0xa0 || p[21] != 0x0f {
		t.Errorf("speed % x", p[20:22])
	}
	if p, texts := structure(t, m, 11); p[4] != 2 || strings.Join(texts, " ") != "one two" {
		t.Errorf("OEM strings: %d, %q", p[4], texts)
	}
	// Firmware of others gets type 0 only if the user says what it is to be.
	if files, _ := bios.SMBIOSFiles(m.board.TablesConfig()); files[0] != 0 {
		t.Errorf("first structure for firmware: type %d", files[0])
	}
	if files, _ := bios.SMBIOSFiles(newMachine(t, Config{}).board.TablesConfig()); files[0] != 1 {
		t.Errorf("first structure for firmware: type %d", files[0])
	}
}

func TestACPITable(t *testing.T) {
	file := filepath.Join(t.TempDir(), "table")
	if err := os.WriteFile(file, []byte("contents"), 0o666); err != nil {
		t.Fatal(err)
	}
	m := newMachine(t, Config{ACPITables: []string{"sig=TEST,rev=9,oem_id=ACME,oem_table_id=LAB,data=" + file + ":" + file}})
	tables, err := bios.Build(m.board.TablesConfig())
	if err != nil {
		t.Fatal(err)
	}
	x, ok := tables.Find("TEST")
	if !ok || len(x.Data) != 36+16 || string(x.Data[36:]) != "contentscontents" || x.Data[8] != 9 || string(x.Data[10:24]) != "ACME\x00\x00LAB\x00\x00\x00\x00\x00" {
		t.Fatalf("table %q", x.Data)
	}
	var sum byte
	for _, b := range x.Data {
		sum += b
	}
	xsdt, _ := tables.Find("XSDT")
	if want := []byte{byte(x.Addr), byte(x.Addr >> 8), byte(x.Addr >> 16), 0, 0, 0, 0, 0}; sum != 0 || !bytes.HasSuffix(xsdt.Data, want) {
		t.Errorf("sum %d, XSDT % x, table at %#x", sum, xsdt.Data, x.Addr)
	}
	whole := file + "2"
	if err := os.WriteFile(whole, x.Data, 0o666); err != nil {
		t.Fatal(err)
	}
	newMachine(t, Config{ACPITables: []string{"file=" + whole}})
	big := file + "3"
	if err := os.WriteFile(big, make([]byte, 60<<10), 0o666); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		cfg  Config
		want string
	}{
		{Config{ACPITables: []string{"data=" + file}}, "sig= is missing"},
		{Config{ACPITables: []string{"sig=TEST"}}, "data=FILE or file=FILE"},
		{Config{ACPITables: []string{"sig=TES,data=" + file}}, "want 4 letters"},
		{Config{ACPITables: []string{"sig=DSDT,data=" + file}}, "the machine's own"},
		{Config{ACPITables: []string{"file=" + file}}, "too few"},
		{Config{ACPITables: []string{"sig=TEST,data=/none"}}, "no such file"},
		{Config{ACPITables: []string{"sig=TEST,data=" + big, "sig=TES2,data=" + big, "sig=TES3,data=" + big}}, "past 0x100000"},
		{Config{SMBIOS: []string{"vendor=x"}}, "type= or file= is missing"},
		{Config{SMBIOS: []string{"type=9"}}, "want 0, 1, 2"},
		{Config{SMBIOS: []string{"type=1,vendor=x"}}, "has no vendor="},
		{Config{SMBIOS: []string{"type=0,release=1"}}, "release=1"},
		{Config{SMBIOS: []string{"type=11"}}, "value=TEXT"},
		{Config{SMBIOS: []string{"file=" + file}}, "not an SMBIOS structure"},
		{Config{UUID: "x"}, "not a UUID"},
		{Config{Globals: []string{"VGA"}}, "want DRIVER.PROP=VALUE"},
		{Config{Globals: []string{"VGA.warp=1"}}, "no property"},
		{Config{Globals: []string{"e1000.mac=1"}}, "not a valid device model"},
		{Config{Globals: []string{"VGA.vgamem_mb=3"}}, "vgamem_mb=3"},
		{Config{Globals: []string{"driver=VGA,property=vgamem_mb,value=3"}}, "vgamem_mb=3"},
	} {
		if _, err := New(c.cfg); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: error %v, want one with %q", c.cfg, err, c.want)
		}
	}
}

// A property of a device goes before that of -global, and a later -global before an earlier one.
func TestGlobals(t *testing.T) {
	m := newMachine(t, Config{
		Globals: []string{"isa-debug-exit.iobase=0x600", "isa-debug-exit.iobase=0x700", "isa-debug-exit.iosize=1"},
		Devices: []string{"isa-debug-exit,iosize=4"},
	})
	if got := m.withGlobals("isa-debug-exit,iosize=4"); got != "isa-debug-exit,iosize=4,iobase=0x700" {
		t.Error(got)
	}
	if v := m.ports.In(0x700, 4); v == 0xffffffff {
		t.Errorf("port 700h reads as %#x: nobody is there", v)
	}
}

// What -global says of drives reaches those whose device -drive makes, and those that every PC has; where a drive is its -drive says.
func TestGlobalsOfDrives(t *testing.T) {
	var files []string
	for _, name := range []string{"a", "b"} {
		f := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(f, make([]byte, 1<<20), 0o600); err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	cfg := Config{
		Globals: []string{"ide-hd.serial=OLD", "ide-hd.serial=G,1", "ide-hd.write-cache=off", "ide-hd.logical_block_size=4096", "ide-hd.physical_block_size=4096", "ide-hd.unit=1",
			"ide-cd.model=DISC", "floppy.bootindex=3"},
		Drives:  []string{"format=raw,index=0,file=" + files[0], "format=raw,if=none,id=d,file=" + files[1]},
		Devices: []string{"ide-hd,drive=d,serial=OWN,unit=1"},
	}
	m := newMachine(t, cfg)
	var got []string
	for _, d := range m.drives {
		i := d.Info()
		got = append(got, fmt.Sprintf("%s %s/%s %d %v %d", d.id, i.Serial, i.Model, i.BootIndex, i.WriteCache, d.sectors.Logical))
	}
	want := []string{"ide0-hd0 G,1/ -1 false 4096", "d OWN/ -1 false 4096", "floppy0 / 3 true 512"}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if m := newMachine(t, Config{Globals: cfg.Globals}); m.drives[0].Info().Model != "DISC" {
		t.Errorf("%+v", m.drives[0].Info())
	}
	for _, c := range []struct{ global, want string }{
		{"ide-hd.serial=012345678901234567890", "-global: serial=012345678901234567890: want at most 20"}, {"ide-hd.cyls=5", "-global: cyls=, heads= and secs= go together"},
		{"ide-hd.write-cache=perhaps", "write-cache=perhaps"},
	} {
		if _, err := New(Config{Globals: []string{c.global}, Drives: cfg.Drives[:1]}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.global, err)
		}
	}
}

// rtcDate reads the date from the clock, as day, month, year in BCD.
func rtcDate(m *Machine) (d [3]uint32) {
	for i, reg := range []uint32{7, 8, 9} {
		m.ports.Out(0x70, 1, reg)
		d[i] = m.ports.In(0x71, 1)
	}
	return d
}

func TestRTCBase(t *testing.T) {
	m := newMachine(t, Config{RTCBase: time.Date(2031, 12, 24, 12, 0, 0, 0, time.UTC)})
	if d := rtcDate(m); d != [3]uint32{0x24, 0x12, 0x31} {
		t.Errorf("date %x", d)
	}
}

// With the host's time the clock goes on while the machine stands still, with the guest's it does not.
func TestRTCClock(t *testing.T) {
	for _, guest := range []bool{false, true} {
		m := newMachine(t, Config{RTCBase: time.Date(2031, 12, 24, 12, 0, 0, 0, time.UTC), RTCGuestTime: guest})
		m.clock.freeze(true)
		h := m.hostTime
		if (h == nil) != guest {
			t.Fatalf("guest's time: %v, clock %v", guest, h)
		}
		if h != nil {
			h.start = h.start.Add(-48 * time.Hour) // as if two days had gone by
		}
		want := [3]uint32{0x26, 0x12, 0x31}
		if guest {
			want[0] = 0x24
		}
		if d := rtcDate(m); d != want {
			t.Errorf("guest's time: %v, date %x, want %x", guest, d, want)
		}
	}
}
