package board

import (
	"testing"

	"goemu/devices/i440fx"
)

// TestShadow goes through all states of all PAM areas (82441FX data sheet, table 2): what is read and where writes go.
func TestShadow(t *testing.T) {
	rom := make([]byte, 256<<10)
	for i := range rom {
		rom[i] = byte(i >> 12)
	}
	for _, size := range []int{256 << 10, 128 << 10, 36 << 10, 0} {
		image := rom[len(rom)-size:]
		b := newBench(t, func(c *Config) { c.ROM = image })
		b.pc.Reset()
		s := b.pc.Space
		if size > 0 && s.Read(0xffffffff, 1) != 0x3f {
			t.Errorf("%d KiB: the top of the image reads %#x", size>>10, s.Read(0xffffffff, 1))
		}
		for area := range 13 {
			base := 0xc0000 + uint64(area)*0x4000
			reg, shift := uint8(i440fx.PAM0+1+area/2), 4*(area&1)
			if area == 12 {
				reg, shift = i440fx.PAM0, 4
			}
			onPCI := uint64(0xff)
			if first := uint64(0x100000 - min(size, 128<<10)); base >= first {
				onPCI = (base - 0xc0000) >> 12
			}
			set := func(pam uint8) { b.pc.PCI.At(0, 0).WriteConfig(reg, 1, uint32(pam)<<shift) }
			for i, pam := range []uint8{0, 3, 1, 0, 2, 3, 2, 1, 3} {
				set(3)
				s.Write(base, 2, 0x5a5a)
				set(pam)
				read, ram := uint64(0x5a), uint64(0x5a)
				if pam&1 == 0 {
					read = onPCI
				}
				if got := s.Read(base, 1) & 0xff; got != read {
					t.Errorf("%d KiB, area %d, PAM %d: reads %#x, want %#x", size>>10, area, pam, got, read)
				}
				if s.Write(base, 1, uint64(i)); pam&2 != 0 {
					ram = uint64(i)
				}
				if pam == 2 { // DMA too
					if err := s.WritePhys(base+1, []byte{byte(i)}); size > 0 && base >= 0xe0000 && err != nil {
						t.Error(err)
					}
				}
				set(3)
				if got := s.Read(base, 1); got != ram {
					t.Errorf("%d KiB, area %d, PAM %d: RAM is %#x after the write, want %#x", size>>10, area, pam, got, ram)
				}
			}
		}
		b.pc.Reset()
		if got := s.Read(0xf0000, 1); size >= 64<<10 && got != 0x30 {
			t.Errorf("after reset F0000h reads %#x", got)
		}
	}
}
