package fdc

import (
	"bytes"
	"testing"
)

// TestDeletedData has deleted data marks on sectors 2 and 3 of a track and follows the data sheet's tables of what SK does to READ DATA and READ
// DELETED DATA: which sectors come, and where the command ends.
func TestDeletedData(t *testing.T) {
	prepare := func(t *testing.T) *bench {
		b := newBench(t)
		copy(b.mem[0x10000:], b.sectors(1, 2))
		b.channel(fromMemory, 1024)
		b.data("write deleted", []uint8{0x49, 0, 0, 0, 2, 2, 18, 27, 255}, "00 00 00 00 00 04 02")
		return b
	}
	for _, c := range []struct {
		name   string
		cmd    []uint8
		n      int // bytes that the channel takes
		result string
		want   []int // sectors that come
	}{
		{"read", []uint8{0x46, 0, 0, 0, 1, 2, 18, 27, 255}, 2048, "00 00 40 00 00 02 02", []int{1, 2}},
		{"read, SK", []uint8{0x66, 0, 0, 0, 1, 2, 18, 27, 255}, 1024, "00 00 40 00 00 05 02", []int{1, 4}},
		{"read behind them", []uint8{0x46, 0, 0, 0, 4, 2, 18, 27, 255}, 512, "00 00 00 00 00 05 02", []int{4}},
		{"read deleted", []uint8{0x4c, 0, 0, 0, 2, 2, 18, 27, 255}, 2048, "00 00 40 00 00 04 02", []int{2, 3, 4}},
		{"read deleted, both", []uint8{0x4c, 0, 0, 0, 2, 2, 18, 27, 255}, 1024, "00 00 00 00 00 04 02", []int{2, 3}},
		{"read deleted, SK", []uint8{0x6c, 0, 0, 0, 1, 2, 18, 27, 255}, 1024, "00 00 40 00 00 04 02", []int{2, 3}},
		{"read deleted, SK, no more", []uint8{0x6c, 0, 0, 0, 3, 2, 18, 27, 255}, 1024, "40 80 40 01 00 01 02", []int{3}},
		{"read track", []uint8{0x42, 0, 0, 0, 1, 2, 4, 27, 255}, 2048, "00 00 00 00 00 05 02", []int{1, 2, 3, 4}},
		{"verify", []uint8{0x56, 0, 0, 0, 1, 2, 18, 27, 255}, 0, "00 00 40 00 00 02 02", nil},
		{"verify, SK", []uint8{0x76, 0, 0, 0, 1, 2, 18, 27, 255}, 0, "00 00 40 01 00 01 02", nil},
	} {
		b := prepare(t)
		copy(b.mem[0x10000:0x12000], make([]byte, 0x2000))
		b.channel(toMemory, max(c.n, 512))
		b.data(c.name, c.cmd, c.result)
		var want []byte
		for _, r := range c.want {
			want = append(want, b.sectors(r-1, 1)...)
		}
		if got := b.mem[0x10000:]; !bytes.Equal(got[:len(want)], want) || !bytes.Equal(got[len(want):0x2000], make([]byte, 0x2000-len(want))) {
			t.Errorf("%s: wrong data", c.name)
		}
	}
	read := []uint8{0x46, 0, 0, 0, 2, 2, 18, 27, 255}
	for name, change := range map[string]func(b *bench){
		"written again": func(b *bench) {
			b.channel(fromMemory, 512)
			b.data("write", []uint8{0x45, 0, 0, 0, 2, 2, 18, 27, 255}, "00 00 00 00 00 03 02")
		},
		"formatted": func(b *bench) {
			for r := range 18 {
				copy(b.mem[0x10000+4*r:], []byte{0, 0, uint8(r + 1), 2})
			}
			b.channel(fromMemory, 72)
			b.cmd(0x4d, 0, 2, 18, 84, 0xf6)
			b.wait()
			b.result()
		},
		"another disk": func(b *bench) {
			b.disks[0].changed()
			b.seek(0, 1)
			b.seek(0, 0)
		},
	} {
		b := prepare(t)
		change(b)
		b.channel(toMemory, 512)
		b.data(name, read, "00 00 00 00 00 03 02")
	}
	b := prepare(t) // marks are part of the saved state
	s := b.c.SaveState()
	b.disks[0].changed()
	if err := b.c.RestoreState(s); err != nil {
		t.Fatal(err)
	}
	b.channel(toMemory, 512)
	b.data("restored", read, "00 00 40 00 00 02 02")
}
