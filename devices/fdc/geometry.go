package fdc

import (
	"fmt"

	"goemu/devices/block"
)

// SectorSize is the size of every sector of an image, in bytes.
const SectorSize = 512

const sizeCode = 2 // N of such a sector

// Data rates, as in CCR and DSR.
const (
	rate500 = iota
	rate300
	rate250
	rate1000
)

// Drive types, as CMOS memory has them at 10h.
const (
	TypeNone = 0
	Type360  = 1 // 5.25", 360 KB
	Type1200 = 2 // 5.25", 1.2 MB
	Type720  = 3 // 3.5", 720 KB
	Type1440 = 4 // 3.5", 1.44 MB
	Type2880 = 5 // 3.5", 2.88 MB
)

// Geometry is the layout of a floppy disk.
type Geometry struct {
	Cylinders, Heads, Sectors uint8 // sectors of a track, numbered from 1
	Type                      uint8 // the usual drive for it
	rate                      uint8
}

// Size is the capacity in bytes.
func (g Geometry) Size() int64 {
	return int64(g.Cylinders) * int64(g.Heads) * int64(g.Sectors) * SectorSize
}

// formats are the layouts that an image's size tells apart.
var formats = [...]Geometry{
	{40, 1, 8, Type360, rate250}, // 160 KB
	{40, 1, 9, Type360, rate250},
	{40, 2, 8, Type360, rate250},
	{40, 2, 9, Type360, rate250},
	{80, 2, 8, Type1440, rate250},
	{80, 2, 9, Type1440, rate250},  // 720 KB
	{80, 2, 10, Type1440, rate250}, // 800 KB
	{82, 2, 10, Type1440, rate250},
	{80, 2, 15, Type1200, rate500},
	{80, 2, 18, Type1440, rate500},
	{80, 2, 20, Type1440, rate500}, // 1.6 MB
	{80, 2, 21, Type1440, rate500}, // DMF
	{82, 2, 21, Type1440, rate500},
	{83, 2, 21, Type1440, rate500},
	{80, 2, 22, Type1440, rate500},
	{80, 2, 24, Type1440, rate500},
	{80, 2, 36, Type2880, rate1000},
	{80, 2, 39, Type2880, rate1000},
	{80, 2, 40, Type2880, rate1000},
}

// MaxSize is the size of the largest disk, in bytes.
const MaxSize = 80 * 2 * 40 * SectorSize

// GeometryOf is the layout of an image of size bytes. One of no usual size counts as the beginning of a disk of 1.44 MB, 2.88 MB or more;
// what lies behind its end cannot be read.
func GeometryOf(size int64) (Geometry, error) {
	for _, g := range formats {
		if g.Size() == size {
			return g, nil
		}
	}
	for _, g := range formats {
		if (g.Sectors == 18 || g.Sectors >= 36) && size <= g.Size() {
			return g, nil
		}
	}
	return Geometry{}, fmt.Errorf("floppy image of %d bytes: the largest floppy disk has %d", size, MaxSize)
}

// TypeOf is the type of drive that a drive's medium asks for, as CMOS memory has it. An empty drive takes all disks of 3.5". A nil drive is not there.
func TypeOf(d block.Drive) (uint8, error) {
	if d == nil {
		return TypeNone, nil
	}
	m, ok := d.Medium()
	if !ok {
		return Type2880, nil
	}
	if m.Sector != SectorSize {
		return TypeNone, fmt.Errorf("floppy image with sectors of %d bytes: want %d", m.Sector, SectorSize)
	}
	g, err := GeometryOf(m.Size)
	return g.Type, err
}
