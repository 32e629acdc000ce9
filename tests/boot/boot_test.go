// Package boot boots Debian's stock kernel on every engine and checks what programs print there.
package boot

import (
	"crypto/sha256"
	"fmt"
	"strings"
	"testing"

	"goemu/tests/guest"
)

// engines that the tests boot on.
var engines = []string{"tcg", "interp"}

// boot brings Debian up to its shell. The kernel has been unpacked and is booted by PVH: unpacking itself is two thirds of a boot's work, and
// the same each time. TestDebianShell, TestDebian32 and TestIcountRepeats have the kernels that do.
func boot(t *testing.T, args ...string) *guest.Session {
	t.Helper()
	return bootKernel(t, "vmlinux", "initrd.gz", append([]string{"-m", "512"}, args...)...)
}

func bootKernel(t *testing.T, kernel, initrd string, args ...string) *guest.Session {
	t.Helper()
	s := guest.Start(t, append([]string{"-kernel", guest.File(t, kernel), "-initrd", guest.File(t, initrd),
		"-append", "console=ttyS0", "-nographic"}, args...)...)
	s.Expect("goemu-guest: shell")
	s.Expect("guest# ")
	return s
}

func TestDebianShell(t *testing.T) {
	t.Parallel()
	for _, engine := range engines {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			s := bootKernel(t, "vmlinuz", "initrd.gz", "-m", "512", "-accel", engine)
			if got := s.Run("uname -m"); !strings.Contains(got, "x86_64") {
				t.Errorf("uname -m: %q", got)
			}

			// A checksum computed by the guest and by the host.
			want := sha256.Sum256([]byte(strings.Repeat("goemu\n", 20000)))
			got := s.Run("yes goemu | head -n 20000 | sha256sum")
			if !strings.Contains(got, fmt.Sprintf("%x", want)) {
				t.Errorf("sha256sum: got %q, want %x", got, want)
			}

			// Floating point, printed by the guest's own code.
			if got := s.Run("awk 'BEGIN { printf \"%.17g %.17g\\n\", 1/3, 0.1*3 }'"); !strings.Contains(got, "0.33333333333333331 0.30000000000000004") {
				t.Errorf("awk: %q", got)
			}

			info := s.Run("cat /proc/cpuinfo")
			for _, flag := range []string{"fpu", "tsc", "cx8", "sse2", "ssse3", "cx16", "sse4_1", "sse4_2", "popcnt", "aes", "avx", "avx2", "fma", "f16c", "sha_ni", "vaes", "vpclmulqdq", "gfni", "xsavec", "xsaves", "syscall", "nx", "lm", "lahf_lm", "smep", "smap"} {
				if !strings.Contains(info, " "+flag+" ") && !strings.Contains(info, " "+flag+"\n") {
					t.Errorf("/proc/cpuinfo lacks %s:\n%s", flag, info)
				}
			}

			// Memory, processes, pipes and files.
			if got := s.Run("dd if=/dev/zero of=/tmp/z bs=1M count=20 2>/dev/null; md5sum < /tmp/z"); !strings.Contains(got, "8f4e33f3dc3e414ff94e5fb6905cba8c") {
				t.Errorf("md5sum of 20 MiB of zeros: %q", got)
			}
			if got := s.Run("i=0; while [ $i -lt 50 ]; do (exit 3) || i=$((i+1)); done; echo $i"); !strings.HasSuffix(got, "50") {
				t.Errorf("fork loop: %q", got)
			}

			complaints(t, s)
			s.Send("poweroff -f\n")
			if status := s.Wait(); status != 0 {
				t.Errorf("poweroff -f: exit status %d\n%s", status, s.Output())
			}
		})
	}
}

// TestDebian32 boots the kernels for 32-bit processors, 686 without PAE and 686-pae with it, on several models. 686-pae unpacks itself on the least and on the
// widest; 686, which has no PVH entry, on each.
func TestDebian32(t *testing.T) {
	t.Parallel()
	for _, kernel := range []string{"686", "686-pae"} {
		for _, on := range []struct{ engine, cpu string }{
			{"tcg", "pentium3"}, {"tcg", "qemu64"}, {"tcg", "Haswell"}, {"tcg", "max"}, {"interp", "max"},
		} {
			if on.engine == "interp" && kernel == "686" {
				continue // a minute of the processor; 686-pae has more of the CPU
			}
			t.Run(kernel+" "+on.engine+" "+on.cpu, func(t *testing.T) {
				t.Parallel()
				file := "vmlinuz-" + kernel
				if kernel == "686-pae" && (on.engine == "interp" || on.cpu == "qemu64" || on.cpu == "Haswell") {
					file = "vmlinux-" + kernel
				}
				s := bootKernel(t, file, "initrd32.gz", "-accel", on.engine, "-cpu", on.cpu, "-m", "256")
				shell(t, s, "i686")
			})
		}
	}
}

// TestDebianModels boots the 64-bit kernel on models that have long mode. The default is TestDebianShell's.
func TestDebianModels(t *testing.T) {
	t.Parallel()
	for _, cpu := range []string{"qemu64", "Haswell"} {
		t.Run(cpu, func(t *testing.T) {
			t.Parallel()
			shell(t, boot(t, "-accel", "tcg", "-cpu", cpu), "x86_64")
		})
	}
}

// shell has programs compute and powers off.
func shell(t *testing.T, s *guest.Session, machine string) {
	t.Helper()
	if got := s.Run("uname -m"); !strings.Contains(got, machine) {
		t.Errorf("uname -m: %q", got)
	}
	want := sha256.Sum256([]byte(strings.Repeat("goemu\n", 20000)))
	if got := s.Run("yes goemu | head -n 20000 | sha256sum"); !strings.Contains(got, fmt.Sprintf("%x", want)) {
		t.Errorf("sha256sum: got %q, want %x", got, want)
	}
	if got := s.Run("awk 'BEGIN { printf \"%.17g %.17g\\n\", 1/3, 0.1*3 }'"); !strings.Contains(got, "0.33333333333333331 0.30000000000000004") {
		t.Errorf("awk: %q", got)
	}
	complaints(t, s)
	s.Send("poweroff -f\n")
	if status := s.Wait(); status != 0 {
		t.Errorf("poweroff -f: exit status %d\n%s", status, s.Output())
	}
}

// complaints finds what the kernel says when something is wrong.
func complaints(t *testing.T, s *guest.Session) {
	t.Helper()
	log := s.Run("dmesg")
	for _, bad := range []string{"Oops", "BUG:", "WARNING: CPU", "Call Trace", "soft lockup", "segfault"} {
		if strings.Contains(log, bad) {
			t.Errorf("the kernel complained (%s):\n%s", bad, log)
		}
	}
}

// TestSMP brings up several processors, gives them work at once and powers off.
func TestSMP(t *testing.T) {
	t.Parallel()
	for _, engine := range engines {
		for _, n := range []string{"2", "4"} {
			if engine == "interp" && n == "4" {
				continue // two minutes of the processor
			}
			t.Run(engine+" "+n, func(t *testing.T) {
				t.Parallel()
				s := boot(t, "-accel", engine, "-smp", n)
				for _, command := range []string{"nproc", "grep -c ^processor /proc/cpuinfo", "grep -c 'cores.*: " + n + "' /proc/cpuinfo"} {
					if got := strings.Fields(s.Run(command)); len(got) == 0 || got[len(got)-1] != n {
						t.Errorf("%s: %q", command, got)
					}
				}
				want := fmt.Sprintf("%x", sha256.Sum256([]byte(strings.Repeat("goemu\n", 10000))))
				got := s.Run("for i in 1 2 3 4 5 6 7 8; do (yes goemu | head -n 10000 | sha256sum) & done; wait")
				if c := strings.Count(got, want); c != 8 {
					t.Errorf("%d right checksums of 8 computed at once:\n%s", c, got)
				}
				// Each processor has run something and has had interrupts of its own.
				for _, line := range strings.Split(s.Run("grep -E '^cpu[0-9]' /proc/stat; grep LOC: /proc/interrupts"), "\n") {
					if f := strings.Fields(line); len(f) > 2 && (f[1] == "0" && f[3] == "0" || f[0] == "LOC:" && f[1] == "0") {
						t.Errorf("idle: %s", line)
					}
				}
				s.Send("poweroff -f\n")
				if status := s.Wait(); status != 0 {
					t.Errorf("poweroff -f: exit status %d\n%s", status, s.Output())
				}
				for _, bad := range []string{"Oops", "BUG:", "WARNING: CPU", "Call Trace", "soft lockup", "rcu_sched", "stall", "segfault", "do_boot_cpu failed"} {
					if strings.Contains(s.Output(), bad) {
						t.Errorf("the kernel complained (%s):\n%s", bad, s.Output())
					}
				}
			})
		}
	}
}

// TestIcountRepeats boots twice with -icount and wants the same console bytes and the same instruction count.
func TestIcountRepeats(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ cpus, kernel string }{{"1", "vmlinuz"}, {"2", "vmlinux"}} {
		t.Run(c.cpus, func(t *testing.T) {
			t.Parallel()
			icountRepeats(t, c.cpus, c.kernel)
		})
	}
}

func icountRepeats(t *testing.T, cpus, kernel string) {
	run := func() (string, string) {
		s := guest.Start(t, "-m", "256", "-kernel", guest.File(t, kernel), "-initrd", guest.File(t, "initrd.gz"),
			"-append", "console=ttyS0 goemu.run=/bin/uptime", "-nographic", "-icount", "shift=3,sleep=off", "-smp", cpus, "-no-reboot", "-d", "insns")
		if status := s.Wait(); status != 0 {
			t.Fatalf("exit status %d\n%s", status, s.Output())
		}
		_, count, ok := strings.Cut(s.Errors(), "instructions executed: ")
		if !ok {
			t.Fatalf("no instruction count in\n%s", s.Output())
		}
		count, _, _ = strings.Cut(count, "\n")
		return s.Console(), count
	}
	out1, n1 := run()
	out2, n2 := run()
	if n1 != n2 {
		t.Errorf("instruction counts differ: %s and %s", n1, n2)
	}
	if out1 != out2 {
		t.Errorf("console output differs")
	}
}
