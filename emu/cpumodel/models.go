package cpumodel

// Vendors, as leaf 0 has them.
const (
	Intel = "GenuineIntel"
	AMD   = "AuthenticAMD"
)

// Generations of processors: instructions that no CPUID bit tells of.
const (
	gen386 = 3
	gen486 = 4
	genP5  = 5
	genP6  = 6
)

// definition is a row of the table of models. A row with a base takes from it what it leaves out, and adds and removes features.
type definition struct {
	name, about             string
	base                    string
	vendor                  string
	family, model, stepping uint8
	gen                     uint8
	level                   uint32 // highest basic leaf; 0: there is no CPUID
	xlevel                  uint32 // highest extended leaf; 0: there are none
	features, without       string
	caches                  string // see caches
}

// Sets of features that many models share.
const (
	f486      = "fpu vme pse"
	fPentium  = f486 + " de tsc msr mce cx8 mmx apic"
	fPentium2 = fPentium + " sep pae pge cmov mtrr mca pat pse36 fxsr"
	fPentium3 = fPentium2 + " sse"
	f64       = fPentium3 + " sse2 clflush pni cx16 syscall nx lm"
	fV2       = f64 + " ssse3 sse4.1 sse4.2 popcnt lahf-lm"
	fV3       = fV2 + " xsave avx avx2 bmi1 bmi2 f16c fma abm movbe"
	fZen      = fV3 + " monitor aes pclmulqdq rdrand fsgsbase smep rdseed adx smap clflushopt sha-ni arat xsaveopt xsavec xgetbv1" +
		" mmxext fxsr-opt pdpe1gb rdtscp svm cr8legacy sse4a misalignsse 3dnowprefetch osvw topoext npt nrip-save"
)

// withoutMax are the supported features that the model max lacks.
const withoutMax = "la57 avx512f avx512dq avx512ifma avx512cd avx512bw avx512vl avx512vbmi avx512vbmi2 avx512vnni avx512bitalg avx512-vpopcntdq"

// Default is the model of a machine that does not say.
const Default = "max"

// definitions is the table of models, in the order in which -cpu help lists them.
//
// Family, model and stepping are those of processors that were sold, from Intel's and AMD's identification tables;
// qemu32, qemu64, kvm32 and kvm64 are no real ones. Features are those of the manuals, less what belongs to the platform (thermal and power
// management, debug store, performance counters).
var definitions = []definition{
	// Kernels that find la57 walk a fifth level of page tables for nothing, and libraries that find AVX-512 use it, which is slow here: they
	// are there for those who ask.
	{name: "max", about: "all that goemu does well on every host (the default)",
		vendor: AMD, family: 15, model: 107, stepping: 1, gen: genP6, level: 0x16, xlevel: 0x8000_0008, features: supported, without: withoutMax, caches: "max"},
	{name: "host", about: "the host's processor, less what goemu does not do",
		base: "max"},
	{name: "386", about: "Intel 80386 with 80387: no CPUID",
		vendor: Intel, family: 3, model: 0, stepping: 8, gen: gen386, features: "fpu"},
	{name: "486", about: "Intel 80486 DX4",
		vendor: Intel, family: 4, model: 8, stepping: 0, gen: gen486, level: 1, features: f486},
	{name: "pentium", about: "Intel Pentium with MMX (P55C)",
		vendor: Intel, family: 5, model: 4, stepping: 3, gen: genP5, level: 1, features: fPentium},
	{name: "pentium2", about: "Intel Pentium II (Deschutes)",
		vendor: Intel, family: 6, model: 5, stepping: 2, gen: genP6, level: 2, features: fPentium2, caches: "pentium2"},
	{name: "pentium3", about: "Intel Pentium III (Katmai)",
		vendor: Intel, family: 6, model: 7, stepping: 3, gen: genP6, level: 3, features: fPentium3, caches: "pentium2"},
	{name: "athlon", about: "AMD Athlon (K75)",
		vendor: AMD, family: 6, model: 2, stepping: 3, gen: genP6, level: 2, xlevel: 0x8000_0008,
		features: fPentium2 + " mmxext 3dnow 3dnowext syscall", caches: "athlon"},
	{name: "core2duo", about: "Intel Core 2 Duo T7700",
		vendor: Intel, family: 6, model: 15, stepping: 11, gen: genP6, level: 10, xlevel: 0x8000_0008,
		features: f64 + " ssse3 lahf-lm monitor acpi ss", caches: "core2duo"},
	{name: "qemu32", about: "QEMU's 32-bit processor",
		vendor: Intel, family: 6, model: 6, stepping: 3, gen: genP6, level: 4, xlevel: 0x8000_0004,
		features: fPentium3 + " sse2 pni", without: "mtrr mca pse36", caches: "core2duo"},
	{name: "qemu64", about: "QEMU's 64-bit processor",
		vendor: AMD, family: 15, model: 107, stepping: 1, gen: genP6, level: 13, xlevel: 0x8000_000a,
		features: f64 + " lahf-lm svm", caches: "max"},
	{name: "kvm32", about: "a 32-bit processor that any host with virtualization has",
		vendor: Intel, family: 15, model: 6, stepping: 1, gen: genP6, level: 5, xlevel: 0x8000_0008,
		features: fPentium3 + " sse2 clflush pni", caches: "core2duo"},
	{name: "kvm64", about: "a 64-bit processor that any host with virtualization has",
		vendor: Intel, family: 15, model: 6, stepping: 1, gen: genP6, level: 13, xlevel: 0x8000_0008,
		features: f64, caches: "core2duo"},
	{name: "Nehalem", about: "Intel Core i7 9xx",
		vendor: Intel, family: 6, model: 26, stepping: 3, gen: genP6, level: 11, xlevel: 0x8000_0008,
		features: fV2, caches: "nehalem"},
	{name: "Westmere", about: "Intel Xeon E56xx, L56xx, X56xx",
		base: "Nehalem", model: 44, stepping: 1, features: "aes pclmulqdq arat", caches: "westmere"},
	{name: "SandyBridge", about: "Intel Xeon E312xx",
		base: "Westmere", model: 42, stepping: 1, level: 13,
		features: "avx xsave xsaveopt rdtscp tsc-deadline x2apic", caches: "nehalem"},
	{name: "IvyBridge", about: "Intel Xeon E3-12xx v2",
		base: "SandyBridge", model: 58, stepping: 9, features: "erms f16c fsgsbase rdrand smep"},
	{name: "Haswell", about: "Intel Core and Xeon v3, with TSX",
		base: "IvyBridge", model: 60, stepping: 4, features: "abm avx2 bmi1 bmi2 fma hle invpcid movbe pcid rtm"},
	{name: "Broadwell", about: "Intel Core and Xeon v4, with TSX",
		base: "Haswell", model: 61, stepping: 2, features: "3dnowprefetch adx rdseed smap"},
	{name: "Skylake-Client", about: "Intel Core of 2015, with TSX",
		base: "Broadwell", model: 94, stepping: 3, features: "xgetbv1 xsavec"},
	{name: "Skylake-Server", about: "Intel Xeon Scalable of 2017, with TSX",
		base: "Skylake-Client", model: 85, stepping: 4,
		features: "avx512f avx512bw avx512cd avx512dq avx512vl clflushopt clwb pdpe1gb pku", caches: "skylake-server"},
	{name: "Icelake-Server", about: "Intel Xeon Scalable of 2021, with TSX",
		base: "Skylake-Server", model: 134, stepping: 0,
		features: "avx512-vpopcntdq avx512bitalg avx512vbmi avx512vbmi2 avx512vnni gfni la57 spec-ctrl ssbd umip vaes vpclmulqdq wbnoinvd", caches: "icelake-server"},
	{name: "EPYC", about: "AMD EPYC 7001 (Zen)",
		vendor: AMD, family: 23, model: 1, stepping: 2, gen: genP6, level: 13, xlevel: 0x8000_001e,
		features: fZen, caches: "zen"},
	{name: "EPYC-Rome", about: "AMD EPYC 7002 (Zen 2)",
		base: "EPYC", model: 49, stepping: 0,
		features: "amd-stibp clwb clzero ibpb perfctr-core rdpid umip wbnoinvd xsaveerptr xsaves", caches: "zen2"},
	{name: "EPYC-Milan", about: "AMD EPYC 7003 (Zen 3)",
		base: "EPYC-Rome", family: 25, model: 1, stepping: 1,
		features: "amd-ssbd erms fsrm ibrs invpcid pcid pku svme-addr-chk", caches: "zen3"},
	{name: "x86-64-v1", about: "the x86-64 psABI's baseline",
		base: "qemu64", level: 13, xlevel: 0x8000_0008, without: "svm lahf-lm cx16 pni"},
	{name: "x86-64-v2", about: "the psABI's level 2: to SSE4.2, POPCNT, CMPXCHG16B",
		base: "x86-64-v1", features: fV2},
	{name: "x86-64-v3", about: "the psABI's level 3: AVX2, BMI2, F16C, FMA, LZCNT, MOVBE",
		base: "x86-64-v2", features: fV3},
	{name: "x86-64-v4", about: "the psABI's level 4: AVX-512",
		base: "x86-64-v3", features: "avx512f avx512bw avx512cd avx512dq avx512vl"},
}

// define finds the row called name and fills in what it takes from its bases.
func define(name string) (definition, Set, bool) {
	for _, d := range definitions {
		if d.name != name {
			continue
		}
		var set Set
		if d.base != "" {
			b, inherited, _ := define(d.base)
			set = inherited
			d.vendor, d.gen = b.vendor, b.gen
			if d.family == 0 {
				d.family = b.family
			}
			if d.model == 0 {
				d.model, d.stepping = b.model, b.stepping
			}
			if d.level == 0 {
				d.level = b.level
			}
			if d.xlevel == 0 {
				d.xlevel = b.xlevel
			}
			if d.caches == "" {
				d.caches = b.caches
			}
		}
		return d, set.or(setOf(d.features)).without(setOf(d.without)), true
	}
	return definition{}, Set{}, false
}
