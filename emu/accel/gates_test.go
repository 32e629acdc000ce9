package accel_test

import (
	"encoding/binary"
	"encoding/hex"
	"strings"
	"testing"

	"goemu/decoder"
	"goemu/emu/accel"
	"goemu/emu/cpumodel"
	"goemu/tcg"
	"goemu/tcg/amd64"
)

// onEngines calls f for each engine that the host has.
func onEngines(t *testing.T, f func(t *testing.T, native bool)) {
	t.Run("interp", func(t *testing.T) { f(t, false) })
	if amd64.Supported() {
		t.Run("native", func(t *testing.T) { f(t, true) })
	}
}

// on runs code, given in hexadecimal, on a model, with registers that point to data but for a zero RCX, and gives the registers after
// it and the vectors of exceptions. What CR4, EFER and XCR0 must allow is allowed, where the model has it.
func on(t *testing.T, native bool, cpu string, bits int, code string) (gpr [16]uint64, vectors []int) {
	t.Helper()
	model, _, err := cpumodel.Parse(cpu, nil)
	if err != nil {
		t.Fatal(err)
	}
	w := newWorldModel(t, accel.Options{Native: native, Count: true, ArenaBytes: 4 << 20}, 1000, model)
	for i := range gpr {
		gpr[i] = 0x20000
	}
	gpr[1] = 0
	s := w.entry(bits, gpr)
	s.EFER |= 1
	s.CR4 &^= 1<<9 | 1<<10
	text := ""
	for f, bit := range map[cpumodel.Feature]uint64{
		cpumodel.FXSR: 1 << 9, cpumodel.SSE: 1 << 10, cpumodel.XSAVE: 1 << 18, cpumodel.FSGSBASE: 1 << 16, cpumodel.PKU: 1 << 22} {
		if model.Has(f) {
			s.CR4 |= bit
		}
	}
	if x := model.XCR0(); x != 0 {
		text = "31d2b8" + hex.EncodeToString([]byte{byte(x), byte(x >> 8), 0, 0}) + "0f01d1b800000200ba00000200" // XSETBV
	}
	bytes, err := hex.DecodeString(text + code + "f4")
	if err != nil {
		t.Fatal(err)
	}
	copy(w.ram[codeAt:], bytes)
	w.ram[0] = 0xf4 // where SYSCALL and SYSENTER go
	w.cpu.Enter(&s)
	w.execute(t)
	if err := w.eng.Close(); err != nil {
		t.Fatal(err)
	}
	for _, r := range w.history {
		vectors = append(vectors, int(r.Vector))
	}
	return w.env.GPR, vectors
}

// samples is one instruction of each feature that CPUID tells of.
var samples = map[decoder.Feature]string{
	decoder.FeatTSC: "0f31", decoder.FeatCX8: "0fc70e", decoder.FeatCX16: "480fc70e", decoder.FeatCMOV: "0f44c0", decoder.FeatMSR: "0f32",
	decoder.FeatSEP: "0f34", decoder.FeatSYSCALL: "0f05", decoder.FeatFXSR: "0fae06", decoder.FeatMMX: "0f6fc1", decoder.FeatSSE: "0f28c1",
	decoder.FeatSSE2: "660f28c1", decoder.FeatSSE3: "f20fd0c1", decoder.FeatSSSE3: "0f3800c1", decoder.FeatSSE41: "660f3840c1",
	decoder.FeatSSE42: "660f3837c1", decoder.FeatSSE4A: "660f79c1", decoder.FeatPOPCNT: "f30fb8c1", decoder.FeatADX: "660f38f6c1",
	decoder.FeatMOVBE: "0f38f006", decoder.FeatAES: "660f38dcc1", decoder.FeatPCLMUL: "660f3a44c100", decoder.FeatSHA: "0f38c8c1",
	decoder.FeatGFNI: "660f38cfc1", decoder.FeatVAES: "c4e275dcc1", decoder.FeatVPCLMUL: "c4e37544c100", decoder.FeatAVX: "c5f058c1",
	decoder.FeatAVX2: "c5f5fec1", decoder.FeatFMA: "c4e27198c1", decoder.FeatF16C: "c4e27913c1", decoder.FeatBMI1: "c4e270f2c1",
	decoder.FeatBMI2: "c4e271f7c1", decoder.FeatAVXVNNI: "c4e27150c1", decoder.FeatAVXIFMA: "c4e2f1b4c1",
	decoder.FeatAVX512F: "62f17c4858c1", decoder.FeatAVX512CD: "62f27d48c4c1", decoder.FeatAVX512BW: "62f17d48fcc1",
	decoder.FeatAVX512DQ: "62f1fd4854c1", decoder.FeatAVX512VNNI: "62f27d4850c1", decoder.FeatAVX512IFMA: "62f2fd48b4c1",
	decoder.FeatAVX512VBMI: "62f27d488dc1", decoder.FeatAVX512VBMI2: "62f27d4863c1", decoder.FeatAVX512BITALG: "62f27d4854c1",
	decoder.FeatAVX512VPOPCNTDQ: "62f27d4855c1", decoder.FeatAVX512BF16: "62f27e4852c1",
	decoder.FeatLM: "0f01f8", decoder.FeatLAHF: "9f", decoder.FeatMONITOR: "0f01c8", decoder.FeatMONITORX: "0f01fa",
	decoder.FeatRDTSCP: "0f01f9", decoder.FeatRDPID: "f30fc7f8", decoder.FeatRDRAND: "0fc7f0", decoder.FeatRDSEED: "0fc7f8",
	decoder.FeatFSGSBASE: "f30faec0", decoder.FeatSMAP: "0f01ca", decoder.FeatINVPCID: "660f38820e", decoder.FeatPKU: "0f01ee",
	decoder.FeatRTM: "c7f800000000", decoder.FeatXSAVE: "0f01d0", decoder.FeatXSAVEOPT: "0fae36", decoder.FeatXSAVEC: "0fc726",
	decoder.FeatXSAVES: "0fc72e", decoder.FeatCLFSH: "0fae3e", decoder.FeatCLFLUSHOPT: "660fae3e", decoder.FeatCLWB: "660fae36",
	decoder.FeatCLZERO: "0f01fc", decoder.FeatMOVDIRI: "0f38f906", decoder.FeatMOVDIR64B: "660f38f806", decoder.FeatSERIALIZE: "0f01e8",
	decoder.FeatSMX: "0f37", decoder.FeatSGX: "0f01cf", decoder.FeatVMX: "0f01c1", decoder.FeatSVM: "0f01d9",
}

// substituted are features whose instructions do something else where they are missing.
var substituted = map[decoder.Feature]bool{decoder.FeatFPU: true, decoder.FeatLZCNT: true, decoder.FeatWBNOINVD: true}

// ud tells whether #UD is among vectors.
func ud(vectors []int) bool {
	for _, v := range vectors {
		if v == tcg.VectorUD {
			return true
		}
	}
	return false
}

// The samples are what they say, and there is one for each feature that brings instructions.
func TestSamples(t *testing.T) {
	for f, s := range samples {
		b, err := hex.DecodeString(s)
		if err != nil {
			t.Fatal(err)
		}
		var i decoder.Inst
		if err := decoder.Decode(b, decoder.Mode64, &i); err != nil || int(i.Len) != len(b) {
			t.Errorf("%v: % x: %v, length %d", f, b, err, i.Len)
		} else if r := decoder.Rows()[i.Row]; r.Feature != f && f != decoder.FeatLAHF {
			t.Errorf("%v: % x is %v of %v", f, b, i.Op, r.Feature)
		}
	}
	for _, f := range cpumodel.Features() {
		for _, g := range f.Gates {
			if _, ok := samples[g]; !ok && !substituted[g] {
				t.Errorf("no sample of %v", g)
			}
		}
	}
}

// What the model lacks is #UD; what it has is not. All that goemu has can be taken away.
func TestGates(t *testing.T) {
	supported := cpumodel.Supported()
	onEngines(t, func(t *testing.T, native bool) {
		with, without := 0, 0
		for _, f := range cpumodel.Features() {
			for _, g := range f.Gates {
				code, ok := samples[g]
				if !ok {
					continue
				}
				bits := 64
				if g == decoder.FeatSEP {
					bits = 32 // AMD's processors have it only there
				}
				cpu := "max"
				if strings.HasPrefix(f.Name, "avx512") && supported.Has(f.Feature) { // max leaves these out
					if cpu += ",+avx512f"; f.Feature != cpumodel.AVX512F {
						cpu += ",+avx512bw,+" + f.Name
					}
				}
				if supported.Has(f.Feature) {
					if _, v := on(t, native, cpu, bits, code); ud(v) {
						t.Errorf("%s: #UD with it", f.Name)
					}
					with++
					cpu += ",-" + f.Name
				}
				if _, v := on(t, native, cpu, bits, code); !ud(v) {
					t.Errorf("%s: no #UD without it: %v", f.Name, v)
				}
				without++
			}
		}
		t.Logf("%d features with, %d without", with, without)
	})
}

// Instructions that no CPUID bit tells of, by the first model that has them, and what older ones do.
func TestGenerations(t *testing.T) {
	models := []string{"386", "486", "pentium", "pentium2"}
	onEngines(t, func(t *testing.T, native bool) {
		for _, tt := range []struct {
			name, code string
			first      int
		}{
			{"CMPXCHG", "0fb1c9", 1}, {"XADD", "0fc1c9", 1}, {"BSWAP", "0fc8", 1}, {"INVLPG", "0f013e", 1}, {"WBINVD", "0f09", 1},
			{"CPUID", "0fa2", 1}, {"RDMSR", "0f32", 2}, {"RDTSC", "0f31", 2}, {"MOV CR4", "0f20e0", 1},
			{"NOP r/m", "0f1fc0", 3}, {"ENDBR32", "f30f1efb", 3}, {"RDPMC", "0f33", 3}, {"PREFETCHNTA", "0f1806", 3}, {"PREFETCHW", "0f0d0e", 3},
			{"PAUSE", "f390", 0}, {"BSF", "0fbcc1", 0}, {"TZCNT", "f30fbcc1", 0}, {"LZCNT", "f30fbdc1", 0}, {"FLD1", "d9e8", 0}, {"SALC", "d6", 0},
			{"REP BSF", "f3f30fbcc1", 0}, {"FCOMI", "dbf1", 3}, {"FCMOVB", "dac1", 3},
		} {
			for k, m := range models {
				if _, v := on(t, native, m, 32, tt.code); ud(v) != (k < tt.first) {
					t.Errorf("%s on a %s: %v", tt.name, m, v)
				}
			}
		}
	})
}

// Encodings that older processors take for other instructions.
func TestSubstitutes(t *testing.T) {
	onEngines(t, func(t *testing.T, native bool) {
		gpr, v := on(t, native, "486", 32, "b901000000"+"f30fbdc1"+"31d2"+"f30fbcd2") // LZCNT EAX,1; TZCNT EDX,0
		if len(v) != 0 || gpr[0] != 0 || gpr[2] != 0 {
			t.Errorf("BSR of 1 is %d, BSF of 0 is %d, %v", gpr[0], gpr[2], v)
		}
		if cpumodel.Supported().Has(cpumodel.LZCNT) {
			if gpr, _ := on(t, native, "max", 32, "b901000000"+"f30fbdc1"); gpr[0] != 31 {
				t.Errorf("LZCNT of 1 is %d", gpr[0])
			}
		}
		if _, v := on(t, native, "max", 64, "f30f09"); len(v) != 0 {
			t.Errorf("WBNOINVD: %v", v)
		}
		// FLD1, FNSTSW AX, FWAIT, FST m64: nobody answers.
		gpr, v = on(t, native, "486,-fpu", 32, "b834120000"+"d9e8"+"dfe0"+"9b"+"dd16"+"8b16")
		if len(v) != 0 || gpr[0] != 0x1234 || gpr[2] != 0 {
			t.Errorf("without an FPU: EAX %#x, memory %#x, %v", gpr[0], gpr[2], v)
		}
		// With CR0.EM it is #NM as ever.
		if _, v := on(t, native, "486,-fpu", 32, "0f20c083c8040f22c0"+"d9e8"); len(v) != 1 || v[0] != tcg.VectorNM {
			t.Errorf("without an FPU, with EM: %v", v)
		}
		for _, code := range []string{"9f", "9e"} {
			if _, v := on(t, native, "max,-lahf-lm", 32, code); len(v) != 0 {
				t.Errorf("LAHF or SAHF in 32-bit mode: %v", v)
			}
			if _, v := on(t, native, "max,-lahf-lm", 64, code); !ud(v) {
				t.Errorf("LAHF or SAHF in 64-bit mode: %v", v)
			}
		}
	})
}

// Bits of control registers and MSRs belong to features.
func TestReservedBits(t *testing.T) {
	bit := func(n int) string { return hex.EncodeToString(binary.LittleEndian.AppendUint32(nil, 1<<n)) }
	// CR4 |= bit, with EBX saying that it was done.
	cr4 := func(n int) string { return "31db" + "0f20e0" + "0d" + bit(n) + "0f22e0" + "b301" }
	wrmsr := func(msr, low string) string { return "31db" + "31d2" + "b9" + msr + "b8" + low + "0f30" + "b301" }
	const efer, star, lstar, tscAux, sysenter, pat = "800000c0", "810000c0", "820000c0", "030100c0", "74010000", "77020000"
	onEngines(t, func(t *testing.T, native bool) {
		for _, tt := range []struct{ name, has, lacks, code string }{
			{"CR4.TSD", "pentium", "486", cr4(2)}, {"CR4.DE", "pentium", "486", cr4(3)}, {"CR4.PSE", "486", "486,-pse,+cx8,+de", cr4(4)},
			{"CR4.PAE", "pentium2", "pentium", cr4(5)}, {"CR4.MCE", "pentium", "486", cr4(6)}, {"CR4.PGE", "pentium2", "pentium", cr4(7)},
			{"CR4.PCE", "pentium", "486", cr4(8)}, {"CR4.OSFXSR", "pentium2", "pentium", cr4(9)}, {"CR4.OSXMMEXCPT", "pentium3", "pentium2", cr4(10)},
			{"CR4.OSXSAVE", "max", "Nehalem", cr4(18)}, {"CR4.SMEP", "max", "Nehalem", cr4(20)}, {"CR4.SMAP", "max", "Nehalem", cr4(21)},
			{"EFER.SCE", "qemu64", "qemu64,-syscall", wrmsr(efer, "01000000")}, {"EFER.NXE", "qemu64", "qemu64,-nx", wrmsr(efer, "00080000")},
			{"EFER.LME", "qemu64", "qemu64,-lm", wrmsr(efer, "00010000")}, {"EFER", "qemu64", "pentium3", wrmsr(efer, "00000000")},
			{"STAR", "qemu64", "qemu32", wrmsr(star, "00000000")}, {"LSTAR", "qemu64", "athlon", wrmsr(lstar, "00000000")},
			{"TSC_AUX", "max", "Nehalem", wrmsr(tscAux, "00000000")}, {"SYSENTER_CS", "pentium2", "pentium", wrmsr(sysenter, "00000000")},
			{"PAT", "pentium2", "pentium", wrmsr(pat, "06060606")},
		} {
			if gpr, v := on(t, native, tt.has, 32, tt.code); gpr[3] != 1 || len(v) != 0 {
				t.Errorf("%s on %s: %v", tt.name, tt.has, v)
			}
			if gpr, v := on(t, native, tt.lacks, 32, tt.code); gpr[3] != 0 || len(v) != 1 || v[0] != tcg.VectorGP {
				t.Errorf("%s on %s: %v", tt.name, tt.lacks, v)
			}
		}
	})
}

// EFLAGS.AC came with the 80486, and ID with CPUID; CR0 got its bits from WP up with the 80486.
func TestBitsThatCannotBeSet(t *testing.T) {
	onEngines(t, func(t *testing.T, native bool) {
		for _, tt := range []struct {
			cpu        string
			flags, cr0 uint64
		}{
			{"386", 0, 0}, {"486", 1<<18 | 1<<21, 0x60050020}, {"max", 1<<18 | 1<<21, 0x60050020},
		} {
			// POPFD with both, PUSHFD to EAX; CR0 with all to EDX.
			gpr, v := on(t, native, tt.cpu, 32, "6802002400"+"9d"+"9c"+"58"+"6a02"+"9d"+"0f20c2"+"81e2dfffefff"+"0f20c2"+"81ca20000560"+"0f22c2"+"0f20c2")
			if len(v) != 0 || gpr[0]&(1<<18|1<<21) != tt.flags || gpr[2]&0x60050020 != tt.cr0 {
				t.Errorf("%s: EFLAGS %#x, CR0 %#x, %v", tt.cpu, gpr[0], gpr[2], v)
			}
		}
	})
}
