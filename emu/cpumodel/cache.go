package cpumodel

// Cache describes one cache of a processor.
type Cache struct {
	Level uint8
	Kind  cacheKind
	KiB   uint32
	Ways  uint32 // 0: fully associative
	Line  uint32 // bytes
	// Inclusive: of the levels below it (Intel). Shared: by all processors of the package.
	Inclusive, Shared bool
}

// cacheKind is leaf 4's EAX bits 4..0.
type cacheKind uint8

const (
	dataCache    cacheKind = 1
	codeCache    cacheKind = 2
	unifiedCache cacheKind = 3
)

// cacheSet is a processor's caches, and leaf 2's descriptors of those and of the TLBs, with the count in AL (SDM vol. 2A table 3-12).
type cacheSet struct {
	caches      []Cache
	descriptors [4]uint32 // EAX EBX ECX EDX
}

// l1 is a pair of first-level caches with lines of 64 bytes.
func l1(data, dataWays, code, codeWays uint32) []Cache {
	return []Cache{
		{Level: 1, Kind: dataCache, KiB: data, Ways: dataWays, Line: 64},
		{Level: 1, Kind: codeCache, KiB: code, Ways: codeWays, Line: 64},
	}
}

func l2(kib, ways uint32) Cache {
	return Cache{Level: 2, Kind: unifiedCache, KiB: kib, Ways: ways, Line: 64}
}

func l3(kib, ways uint32, inclusive bool) Cache {
	return Cache{Level: 3, Kind: unifiedCache, KiB: kib, Ways: ways, Line: 64, Inclusive: inclusive, Shared: true}
}

// Descriptors of TLBs, with FF for the caches, which are in leaf 4.
var leaf4Descriptors = [4]uint32{0x7603_5a01, 0x00f0_b2ff, 0, 0x00ca_0000}

// cacheSets holds the caches by the names that definitions use. Sizes and ways are those of the vendors' data sheets and optimization manuals.
var cacheSets = map[string]cacheSet{
	"":    {},
	"max": {caches: append(l1(64, 2, 64, 2), l2(512, 16))},
	// 01..04: TLBs; 08, 0C: 16 KiB each; 43: 512 KiB, 4-way, lines of 32 bytes.
	"pentium2":       {descriptors: [4]uint32{0x0302_0101, 0, 0, 0x0c04_0843}},
	"athlon":         {caches: append(l1(64, 2, 64, 2), l2(512, 16))},
	"core2duo":       {caches: append(l1(32, 8, 32, 8), l2(4096, 16)), descriptors: [4]uint32{0x05b0_b101, 0x0056_57f0, 0, 0x2cb4_3049}},
	"nehalem":        {caches: append(l1(32, 8, 32, 4), l2(256, 8), l3(8192, 16, true)), descriptors: leaf4Descriptors},
	"westmere":       {caches: append(l1(32, 8, 32, 4), l2(256, 8), l3(12288, 16, true)), descriptors: leaf4Descriptors},
	"skylake-server": {caches: append(l1(32, 8, 32, 8), l2(1024, 16), l3(28160, 11, false)), descriptors: leaf4Descriptors},
	"icelake-server": {caches: append(l1(48, 12, 32, 8), l2(1280, 20), l3(49152, 12, false)), descriptors: leaf4Descriptors},
	"zen":            {caches: append(l1(32, 8, 64, 4), l2(512, 8), l3(8192, 16, false))},
	"zen2":           {caches: append(l1(32, 8, 32, 8), l2(512, 8), l3(16384, 16, false))},
	"zen3":           {caches: append(l1(32, 8, 32, 8), l2(512, 8), l3(32768, 16, false))},
}

// sets is the number of sets, for which a full association counts as one.
func (c *Cache) sets() uint32 {
	if c.Ways == 0 {
		return 1
	}
	return c.KiB << 10 / (c.Ways * c.Line)
}

// find gives the cache of a level and kind, or one of size 0.
func (s *cacheSet) find(level uint8, kind cacheKind) Cache {
	for _, c := range s.caches {
		if c.Level == level && c.Kind == kind {
			return c
		}
	}
	return Cache{}
}

// ways16 encodes associativity as leaves 0x80000006 has it.
func (c *Cache) ways16() uint32 {
	for _, e := range [...][2]uint32{{128, 14}, {96, 13}, {64, 12}, {48, 11}, {32, 10}, {16, 8}, {8, 6}, {4, 4}, {2, 2}, {1, 1}} {
		if c.Ways >= e[0] {
			return e[1]
		}
	}
	if c.KiB != 0 {
		return 15
	}
	return 0
}
