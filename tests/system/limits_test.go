package system

import (
	"fmt"
	"strings"
	"testing"
)

// limitSegment is a descriptor of limits.asm: type, flags (1: B, 2: G) and limit field.
type limitSegment struct {
	typ, flags int
	limit      uint32
}

// Bits of the type of code and data segments (SDM vol. 3A table 3-1).
const (
	typeWritable   = 2 // data
	typeReadable   = 2 // code
	typeExpandDown = 4 // data
	typeCode       = 8
)

// allows tells what the manual says of one access (SDM vol. 3A 5.3, 5.5).
func (s limitSegment) allows(offset uint64, size int, write bool) bool {
	if write && (s.typ&typeCode != 0 || s.typ&typeWritable == 0) {
		return false
	}
	limit, last := s.effective(), offset+uint64(size)-1
	if s.typ&(typeCode|typeExpandDown) != typeExpandDown {
		return last <= limit
	}
	upper := uint64(0xffff)
	if s.flags&1 != 0 {
		upper = 0xffff_ffff
	}
	return offset > limit && last <= upper
}

// effective is the limit in bytes.
func (s limitSegment) effective() uint64 {
	if s.flags&2 != 0 {
		return uint64(s.limit)<<12 | 0xfff
	}
	return uint64(s.limit)
}

// values lists what the guest sees in a segment.
func (s limitSegment) values() (v []uint32, faults int) {
	for _, fault := range []uint32{13, 12} { // FS, then a stack
		if fault == 12 && s.typ != 2 && s.typ != 6 {
			break
		}
		for kind := range 10 {
			size, write := 1<<(kind%5), kind >= 5
			for _, edge := range []uint64{s.effective(), 0xffff, 0xffff_ffff} {
				for _, delta := range []int{-17, -16, -15, -9, -8, -7, -4, -3, -2, -1, 0, 1, 2} {
					offset := uint64(uint32(edge) + uint32(delta))
					switch {
					case offset+uint64(size)-1 > 0xffff_ffff:
					case s.typ&typeCode != 0 && s.typ&typeReadable == 0:
						v = append(v, 0xb0<<8|fault) // FS cannot be loaded
						faults++
					case s.allows(offset, size, write):
						v = append(v, 0x30)
					default:
						v = append(v, fault)
						faults++
					}
				}
			}
		}
	}
	return v, faults
}

// Every type, granularity and B flag of a segment against accesses around its limit.
func TestLimits(t *testing.T) {
	t.Parallel()
	var want []string
	var segments []limitSegment
	cases := 0
	for typ := 0; typ < 16; typ += 2 {
		for flags := range 4 {
			for _, limit := range []uint32{0, 0xe, 0xfffe, 0xffff, 0x10000, 0xfffff} {
				s := limitSegment{typ, flags, limit}
				v, faults := s.values()
				cases += len(v)
				segments = append(segments, s)
				want = append(want, fmt.Sprintf("%02x %02x %08x %04x %08x", typ, flags, limit, faults, checksum(v)))
			}
		}
	}
	withBochs(t, strings.Join(want, "\n"), nil, "limits.asm")
	if t.Failed() {
		explainLimits(t, segments, want)
	}
	t.Logf("%d accesses in %d segments", cases, len(segments))
}

// explainLimits shows the first segment in which an engine differs, access by access.
func explainLimits(t *testing.T, segments []limitSegment, want []string) {
	got := run(t, 0, "limits.asm")
	for i, line := range want {
		if i < len(got) && got[i] == line {
			continue
		}
		detail := run(t, 0, "limits.asm", fmt.Sprintf("DETAIL=%d", i))
		v, _ := segments[i].values()
		for k := range v {
			if k < len(detail) && detail[k] != fmt.Sprintf("%08x", v[k]) {
				t.Errorf("%+v, access %d: %s, the manual says %08x", segments[i], k, detail[k], v[k])
			}
		}
		return
	}
}

// checksum is FNV-1a over words.
func checksum(v []uint32) uint32 {
	sum := uint32(0x811c9dc5)
	for _, x := range v {
		sum = (sum ^ x) * 16777619
	}
	return sum
}
