package boot

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"goemu/bios/asm"
	"goemu/tests/need"
)

// Tiny kernels: each finds its command line as its protocol says, prints it on COM1 and switches the machine off.
const (
	printAndOff = `
print:	lodsb
	test al, al
	jz off
	mov dx, 0x3f8
	out dx, al
	jmp print
off:	mov dx, 0x604
	mov ax, 0x2000
	out dx, ax
stop:	jmp stop
`
	linux32Payload   = "bits 32\nmov esi, [esi+0x228]\n" + printAndOff + "times 0x300-($-$$) db 0\n"
	linux64Payload   = "times 0x200 db 0xcc\nbits 64\nmov esi, [rsi+0x228]\n" + printAndOff + "times 0x300-($-$$) db 0\n"
	pvhPayload       = "bits 32\ncmp dword [ebx], 0x336ec578\njne stop\nmov esi, [ebx+24]\n" + printAndOff
	multibootPayload = "dd 0x1badb002, 3, -(0x1badb002+3), 0\nbits 32\ncmp eax, 0x2badb002\njne stop\nmov esi, [ebx+16]\n" + printAndOff
)

func assemble(t *testing.T, text string) []byte {
	t.Helper()
	p, err := asm.Assemble(asm.Source{Name: t.Name(), Text: text})
	if err != nil {
		t.Fatal(err)
	}
	return p.Code
}

// TestEntryUnderQEMU enters loaded kernels in QEMU, in the state that Entry describes.
func TestEntryUnderQEMU(t *testing.T) {
	qemu := need.Program(t, "qemu-system-x86_64", "qemu-system-x86")
	stub, err := os.ReadFile("testdata/enter.asm")
	if err != nil {
		t.Fatal(err)
	}
	linux := func(xload byte, payload string) []byte {
		k := bzImage()[:1024]
		k[hdrXLoad] = xload
		code := assemble(t, payload)
		le.PutUint32(k[hdrSysSize:], uint32(len(code)/16))
		return append(k, code...)
	}
	for _, c := range []struct {
		name, want string
		kernel     []byte
	}{
		{"linux 64-bit", "hello", linux(xlfKernel64, linux64Payload)},
		{"linux 32-bit", "hello", linux(0, linux32Payload)},
		{"pvh", "hello", elf(64, assemble(t, pvhPayload), pvhNote([]byte{0, 0, 0x10, 0}))},
		{"multiboot", "k hello", elf(32, assemble(t, multibootPayload), nil)},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg, m := config(c.kernel)
			cfg.Cmdline = "hello"
			e, err := Load(cfg)
			if err != nil {
				t.Fatal(err)
			}
			dir := t.TempDir()
			file := func(name string, p []byte) string {
				path := filepath.Join(dir, name)
				if err := os.WriteFile(path, p, 0o600); err != nil {
					t.Fatal(err)
				}
				return path
			}
			rom := file("rom", assemble(t, fmt.Sprintf(
				"STAGE equ %d\nENTRY equ %d\nLONG equ %d\nSTART_RAX equ %d\nSTART_RBX equ %d\nSTART_RSI equ %d\nSTART_CR3 equ %d\n%s",
				ramSize, e.RIP, e.Mode, e.GPR[rax], e.GPR[rbx], e.GPR[rsi], e.CR3, stub)))
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
			defer cancel()
			out, err := exec.CommandContext(ctx, qemu, "-M", "pc", "-accel", "tcg", "-m", "16", "-bios", rom,
				"-display", "none", "-serial", "stdio", "-nodefaults", "-no-reboot",
				"-device", fmt.Sprintf("loader,file=%s,addr=%#x,force-raw=on", file("low", m[:extendedRAM]), ramSize),
				"-device", fmt.Sprintf("loader,file=%s,addr=%#x,force-raw=on", file("high", m[extendedRAM:]), extendedRAM),
			).CombinedOutput()
			if err != nil || string(out) != c.want {
				t.Errorf("%v, printed %q, want %q", err, out, c.want)
			}
		})
	}
}
