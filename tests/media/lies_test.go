package media

import (
	"encoding/binary"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
)

const (
	cdSector  = 2048
	catalogAt = 19 // sectors of our small CD
	imageAt   = 20
)

// cd is a CD with El Torito's structures and a boot image of n sectors, which edit may spoil.
func cd(n int, edit func(cd []byte)) []byte {
	b := make([]byte, (imageAt+n)*cdSector)
	for i, kind := range []byte{1, 0, 255} { // primary, boot record, terminator
		copy(b[(16+i)*cdSector:], append([]byte{kind}, "CD001\x01"...))
	}
	rec := b[17*cdSector:]
	copy(rec[7:], "EL TORITO SPECIFICATION")
	binary.LittleEndian.PutUint32(rec[0x47:], catalogAt)
	cat := b[catalogAt*cdSector:]
	cat[0], cat[30], cat[31] = 1, 0x55, 0xaa
	binary.LittleEndian.PutUint16(cat[28:], 0x55aa) // the sum of the words is 0
	cat[32], cat[38] = 0x88, 4
	binary.LittleEndian.PutUint32(cat[40:], imageAt)
	copy(b[imageAt*cdSector:], bootSector())
	edit(b)
	return b
}

// bootSector prints "started" on COM1 and halts.
func bootSector() []byte {
	b := []byte{0xba, 0xf8, 0x03} // mov dx, 3F8h
	for _, c := range []byte("started") {
		b = append(b, 0xb0, c, 0xee) // mov al, c; out dx, al
	}
	b = append(b, 0xf4, 0xeb, 0xfd) // hlt; jmp -3
	b = append(b, make([]byte, 510-len(b))...)
	return append(b, 0x55, 0xaa)
}

// garbage is n random bytes, the same every time.
func garbage(n int) []byte {
	b := make([]byte, n)
	r := rand.NewChaCha8([32]byte{1})
	r.Read(b)
	return b
}

// lie is a medium that is not what it says.
type lie struct {
	name string
	kind string // cdrom, disk, floppy
	data []byte
	want string // on COM1; "": the screen says that nothing can be booted
	no   string // goemu refuses it with this
	runs bool   // or the medium's code is started, and may do anything
	ours bool   // SeaBIOS writes over itself, and then anything may happen
}

const nothing = "No bootable device"

func lies() []lie {
	catalog := func(at int, v ...byte) func([]byte) {
		return func(b []byte) { copy(b[catalogAt*cdSector+at:], v) }
	}
	list := []lie{
		{name: "no-signature", kind: "disk", data: make([]byte, 64<<10)},
		{name: "garbage-mbr", kind: "disk", data: append(garbage(510), append([]byte{0x55, 0xaa}, garbage(1<<20-512)...)...), runs: true},
		{name: "garbage-partitions", kind: "disk", data: spoil(bootSector(), 446, garbage(64)), want: "started"},
		{name: "half-a-sector", kind: "disk", data: bootSector()[:256]},
		{name: "one-byte-more", kind: "disk", data: append(bootSector(), 1), want: "started"},
		{name: "one-sector-floppy", kind: "floppy", data: bootSector(), runs: true},
		{name: "odd-floppy", kind: "floppy", data: append(bootSector(), make([]byte, 1474560-511)...), runs: true},
		{name: "oversize-floppy", kind: "floppy", data: append(bootSector(), make([]byte, 6<<20)...), no: "the largest floppy disk has"},
		{name: "empty-floppy", kind: "floppy", data: make([]byte, 1474560)},
		{name: "tiny-cd", kind: "cdrom", data: make([]byte, 100)},
		{name: "zero-cd", kind: "cdrom", data: make([]byte, 1<<20)},
		{name: "garbage-cd", kind: "cdrom", data: garbage(1 << 20)},
		{name: "good-cd", kind: "cdrom", data: cd(1, func([]byte) {}), want: "started"},
		{name: "cd-cut-in-image", kind: "cdrom", data: cd(1, catalog(38, 200, 0)), runs: true},
		{name: "cd-cut-in-catalog", kind: "cdrom", data: cd(1, func([]byte) {})[:catalogAt*cdSector+100], runs: true},
		{name: "cd-cut-before-catalog", kind: "cdrom", data: cd(1, func([]byte) {})[:catalogAt*cdSector]},
		{name: "catalog-beyond-end", kind: "cdrom", data: cd(1, func(b []byte) { binary.LittleEndian.PutUint32(b[17*cdSector+0x47:], 1<<31) })},
		{name: "catalog-checksum", kind: "cdrom", data: cd(1, catalog(4, 1)), runs: true},
		{name: "catalog-key", kind: "cdrom", data: cd(1, catalog(30, 0xaa, 0x55))},
		{name: "catalog-not-bootable", kind: "cdrom", data: cd(1, catalog(32, 0))},
		{name: "image-beyond-end", kind: "cdrom", data: cd(1, catalog(40, 0xff, 0xff, 0xff, 0xff))},
		{name: "image-too-long", kind: "cdrom", data: cd(600, catalog(38, 0xff, 0xff)), runs: true, ours: true},
		{name: "image-at-rom", kind: "cdrom", data: cd(1, catalog(34, 0xff, 0xff)), runs: true, ours: true},
		{name: "image-of-no-sectors", kind: "cdrom", data: cd(1, catalog(38, 0, 0)), runs: true},
		{name: "disk-without-table", kind: "cdrom", data: cd(600, catalog(33, 4)), runs: true},
		{name: "disk-of-garbage", kind: "cdrom", data: cd(600, func(b []byte) {
			b[catalogAt*cdSector+33] = 4
			copy(b[imageAt*cdSector+446:], garbage(64))
		}), runs: true},
		{name: "floppy-cut", kind: "cdrom", data: cd(1, catalog(33, 2)), runs: true},
	}
	for media := byte(5); media < 16; media++ {
		list = append(list, lie{name: "emulation-" + string("0123456789abcdef"[media]), kind: "cdrom", data: cd(1, catalog(33, media)), runs: true})
	}
	return list
}

func spoil(b []byte, at int, v []byte) []byte {
	copy(b[at:], v)
	return b
}

// TestLies powers on with media that are not what they seem: the firmware says so or starts what is there, and the machine can be ended.
func TestLies(t *testing.T) {
	t.Parallel()
	for _, l := range lies() {
		for _, firmware := range []string{builtin, seabios} {
			if onQEMU() && firmware == builtin || l.ours && firmware == seabios {
				continue
			}
			t.Run(l.name+"-"+firmware, func(t *testing.T) {
				t.Parallel()
				image := filepath.Join(t.TempDir(), "image")
				if err := os.WriteFile(image, l.data, 0o644); err != nil {
					t.Fatal(err)
				}
				c := config{board: pcBoard, engine: tcg, firmware: firmware, memory: 32}
				c.boot = map[string]string{"cdrom": "d", "disk": "c", "floppy": "a"}[l.kind]
				c.drives = []string{driveOf(t, l.kind, image)}
				p := start(t, c)
				switch {
				case l.no != "":
					p.expect(l.no)
					p.finish(1)
				case l.want != "":
					p.expect(l.want)
				case l.runs:
					p.expectScreen(nothing, "Booting from")
				default:
					p.expectScreen(nothing)
				}
			})
		}
	}
}
