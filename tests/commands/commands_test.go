// Package commands runs command lines that people and their scripts give to QEMU, unchanged but for the name of the binary, with small guests
// in the place of theirs.
package commands

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"goemu/tests/guest"
)

// lines are the command lines: where they are from, what the guest says, and the exit status.
var lines = []struct {
	from, line, says string
	status           int
}{
	{"xv6: make qemu", "-serial mon:stdio -drive file=fs.img,index=1,media=disk,format=raw -drive file=xv6.img,index=0,media=disk,format=raw -smp 2 -m 512", disk, 0},
	{"xv6: make qemu-nox", "-nographic -drive file=fs.img,index=1,media=disk,format=raw -drive file=xv6.img,index=0,media=disk,format=raw -smp 2 -m 512", disk, 0},
	{"JOS", "-nographic -drive file=obj/kern/kernel.img,index=0,media=disk,format=raw -serial mon:stdio -gdb tcp::26000 -D qemu.log", disk, 0},
	{"bootimage runner", "-drive format=raw,file=target/bootimage-blog_os.bin -no-reboot -device isa-debug-exit,iobase=0xf4,iosize=0x04 -serial stdio -display none", disk, 33},
	{"os-tutorial", "-fda os-image.bin", disk, 0},
	{"os-tutorial, first chapters", "os-image.bin", disk, 0},
	{"kernel on a CD", "-serial mon:stdio -smp 2 -cdrom build/os.iso", disk, 0},
	{"kernel on a CD, without a window", "-serial mon:stdio -cdrom build/os.iso -nographic", disk, 0},
	{"kernel by multiboot", "-kernel kernel.elf -serial mon:stdio -nographic", multiboot, 0},
	{"kernel by multiboot, with a log", "-kernel kernel.elf -nographic -no-reboot -d int,cpu_reset -D qemu.log", multiboot, 0},
	{"kvm-unit-tests", "-nodefaults -device pc-testdev -device isa-debug-exit,iobase=0xf4,iosize=0x4 -vnc none -serial stdio -device pci-testdev " +
		"-machine accel=kvm:tcg -kernel kernel.elf -smp 1", multiboot, 33},
	{"Zephyr", "-m 32 -cpu qemu32,+nx,+pae -machine q35 -device isa-debug-exit,iobase=0xf4,iosize=0x04 -no-reboot -nographic -net none -pidfile qemu.pid " +
		"-chardev stdio,id=con,mux=on -serial chardev:con -mon chardev=con,mode=readline -icount shift=5,align=off,sleep=off -rtc clock=vm -kernel kernel.elf", multiboot, 33},
	{"Linux kernel hacking", `-kernel arch/x86/boot/bzImage -initrd initramfs.cpio.gz -append "console=ttyS0" -nographic`, "hello from Linux: console=ttyS0", 0},
	{"Linux with a root disk", `-kernel arch/x86/boot/bzImage -append "root=/dev/sda console=ttyS0 nokaslr" -hda rootfs.img -m 1G -smp 2 -display none -serial stdio`,
		"hello from Linux: root=/dev/sda console=ttyS0 nokaslr", 0},
	{"Linux, with whatever engine there is", `-machine q35,accel=kvm:tcg -cpu host -m size=256M -kernel arch/x86/boot/bzImage -append "console=ttyS0 panic=-1" -no-reboot -nographic`,
		"hello from Linux: console=ttyS0 panic=-1", 0},
	{"virtme", `-name virtme-ng -m 256M -accel kvm -accel tcg -cpu max -parallel none -net none -echr 1 -vga none -display none -chardev stdio,id=console,signal=off,mux=on ` +
		`-serial chardev:console -mon chardev=console -no-reboot -kernel arch/x86/boot/bzImage -append "console=ttyS0 earlyprintk=serial,ttyS0,115200"`,
		"hello from Linux: console=ttyS0 earlyprintk=serial,ttyS0,115200", 0},
}

const (
	disk      = "hello from the boot sector"
	multiboot = "hello from the multiboot kernel"
)

// words splits a command line as a shell does, with double quotes.
func words(line string) (list []string) {
	for i, part := range strings.Split(line, `"`) {
		if i&1 == 1 {
			list = append(list, part)
		} else {
			list = append(list, strings.Fields(part)...)
		}
	}
	return list
}

// josPort is the one for gdb in a line above.
const josPort = ":26000"

// free is a TCP port of this host, or where somebody has it another.
func free(t *testing.T, port string) string {
	t.Helper()
	l, err := net.Listen("tcp", port)
	if err != nil {
		if l, err = net.Listen("tcp", ":0"); err != nil {
			t.Fatal(err)
		}
	}
	defer l.Close()
	return fmt.Sprint(":", l.Addr().(*net.TCPAddr).Port)
}

// assemble makes a guest.
func assemble(t *testing.T, source, out string) {
	t.Helper()
	if msg, err := exec.Command("nasm", "-f", "bin", "-o", out, source).CombinedOutput(); err != nil {
		t.Fatalf("nasm %s: %v\n%s", source, err, msg)
	}
}

func TestCommandLines(t *testing.T) {
	dir := t.TempDir()
	for _, d := range []string{"obj/kern", "target", "build", "arch/x86/boot", "cd"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	for _, f := range []string{"xv6.img", "obj/kern/kernel.img", "target/bootimage-blog_os.bin", "os-image.bin", "cd/boot.bin"} {
		assemble(t, "disk.asm", filepath.Join(dir, f))
	}
	assemble(t, "kernel.asm", filepath.Join(dir, "kernel.elf"))
	assemble(t, "linux.asm", filepath.Join(dir, "arch/x86/boot/bzImage"))
	for _, f := range []string{"fs.img", "rootfs.img", "initramfs.cpio.gz"} {
		if err := os.WriteFile(filepath.Join(dir, f), make([]byte, 1<<16), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	iso := exec.Command("xorriso", "-as", "mkisofs", "-quiet", "-b", "boot.bin", "-no-emul-boot", "-boot-load-size", "4", "-o", "build/os.iso", "cd")
	iso.Dir = dir
	if msg, err := iso.CombinedOutput(); err != nil {
		t.Fatalf("xorriso: %v\n%s", err, msg)
	}
	goemu := guest.Goemu(t)
	t.Chdir(dir)
	for _, c := range lines {
		t.Run(c.from, func(t *testing.T) {
			c.line = strings.Replace(c.line, josPort, free(t, josPort), 1)
			s := guest.StartCommand(t, goemu, words(c.line)...)
			status := s.Wait()
			if status != c.status || !strings.Contains(s.Console(), c.says+"\n") {
				t.Errorf("goemu %s: status %d, want %d; output:\n%s", c.line, status, c.status, s.Output())
			}
			errs := s.Errors()
			if strings.Contains(c.line, "kvm") && strings.HasPrefix(errs, "goemu: warning: -accel kvm:tcg: tcg runs the guest: ") {
				_, errs, _ = strings.Cut(errs, "\n") // one line says why it is not KVM
			}
			if errs != "" {
				t.Errorf("goemu %s: standard error is not empty:\n%s", c.line, s.Errors())
			}
		})
	}
}

// What goes wrong is said in the words that scripts look for, on standard error.
func TestErrorForms(t *testing.T) {
	guest.Goemu(t) // which is built in this folder
	t.Chdir(t.TempDir())
	for line, want := range map[string]string{
		"-kernel x":                     "could not open kernel file 'x': No such file or directory",
		"-hda disk.img":                 "-hda disk.img: Could not open 'disk.img': No such file or directory",
		"-drive file=a.img,format=raw":  "-drive file=a.img,format=raw: Could not open 'a.img': No such file or directory",
		"nothing.img":                   "Could not open 'nothing.img': No such file or directory",
		"-bios nothing.bin":             "could not load PC BIOS 'nothing.bin'",
		"-device e1000":                 "-device e1000: 'e1000' is not a valid device model name",
		"-M pc-9.9.9x":                  "unsupported machine type",
		"-cpu z80":                      "unable to find CPU model 'z80'",
		"-warp 9":                       "-warp: invalid option",
		"-kernal x":                     "did you mean -kernel?",
		"-netdev user,id=n":             "-netdev: goemu has no such option; it has no network devices",
		"-accel hvf":                    "use -accel tcg, or kvm:tcg",
		"-kernel /etc/passwd -initrd y": "goemu: ",
	} {
		s := guest.Start(t, words(line)...)
		if status := s.Wait(); status != 1 || !strings.HasPrefix(s.Errors(), "goemu: ") || !strings.Contains(s.Errors(), want) || s.Console() != "" {
			t.Errorf("goemu %s: status %d, %q; want %q", line, status, s.Output(), want)
		}
	}
}
