package cpumodel

// supported names the features that both engines do on every host.
const supported = "" +
	"fpu vme de pse tsc msr pae mce cx8 apic sep mtrr pge mca cmov pat pse36 clflush mmx fxsr sse sse2 " +
	"pni pclmulqdq ssse3 fma cx16 sse4.1 sse4.2 x2apic movbe popcnt tsc-deadline aes xsave avx f16c hypervisor " +
	"arat tsc-adjust sha-ni gfni vaes vpclmulqdq " +
	"monitor rdrand fsgsbase bmi1 avx2 bmi2 rdseed adx clflushopt clwb rdpid abm 3dnowprefetch wbnoinvd " +
	"avx512f avx512dq avx512ifma avx512cd avx512bw avx512vl avx512vbmi avx512vbmi2 avx512vnni avx512bitalg avx512-vpopcntdq " +
	"smep erms invpcid zero-fcs-fds smap umip pku la57 pcid " +
	"xsaveopt xsavec xgetbv1 xsaves " +
	"syscall nx pdpe1gb rdtscp lm " +
	"lahf-lm " +
	"invtsc " +
	"xsaveerptr"

// topology names the features that say how processors are counted. Models have them as their leaves do.
const topology = "ht cmp-legacy topoext"

// Supported is the set of features that a model can have.
func Supported() Set { return setOf(supported) }
