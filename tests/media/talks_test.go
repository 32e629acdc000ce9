package media

import (
	"image"
	"image/color"
	"strings"
)

// What is said to each medium, and what must come.

const (
	grub  = "grub> "
	shell = "guest# "

	// memtestShift makes an instruction take 1024 ns: the waits of memtest86+ pass quickly, as they count guest time.
	memtestShift = 10
)

// says wants texts, one after the other, on COM1 and on the screen.
func says(texts ...string) func(*pc) {
	return func(p *pc) {
		p.t.Helper()
		for _, text := range texts {
			p.expectScreen(text)
			p.expect(text)
		}
	}
}

func grubPrompt(p *pc) {
	p.t.Helper()
	p.expect(grub)
	// By the keyboard, and by COM1.
	p.press("e c h o spc w o r d minus f r o m minus k e y s ret")
	p.expectScreen("\nword-from-keys")
	p.enter("echo word-from-com1")
	p.expect("word-from-com1") // the echo of what is typed moves the cursor between letters
	p.expect(grub)
}

// noTimerCheck keeps the kernel from giving up if the timer does not tick often enough in a few milliseconds: on a busy host it may not.
const noTimerCheck = "no_timer_check"

// linux loads Debian's kernel at GRUB's prompt and uses its shell.
func linux(p *pc, root string) {
	p.t.Helper()
	for _, line := range []string{"linux " + root + "/vmlinuz console=ttyS0 " + noTimerCheck, "initrd " + root + "/initrd.gz"} {
		p.enter(line)
		p.expect(grub)
	}
	if p.brief {
		return
	}
	p.enter("boot")
	shellWorks(p)
}

// shellWorks uses the shell of our initrd and powers off.
func shellWorks(p *pc) {
	p.t.Helper()
	p.expect("goemu-guest: shell")
	p.expect(shell)
	if got := p.run("uname -m; cat /proc/cmdline", shell); !strings.Contains(got, "x86_64") || !strings.Contains(got, "console=ttyS0") {
		p.t.Errorf("uname -m; cat /proc/cmdline: %q", got)
	}
	p.enter("poweroff -f")
	p.finish(0)
}

func grubLinux(p *pc) {
	grubPrompt(p)
	linux(p, "")
}

func grubFloppy(p *pc) {
	grubPrompt(p)
	p.enter("cat (fd0)/boot/grub/grub.cfg")
	p.expect("terminal_output console serial")
	p.expect(grub)
}

func grubFromFloppy(p *pc) {
	p.expect(grub)
	p.enter("insmod part_msdos")
	p.expect(grub)
	linux(p, "(hd0,msdos1)")
}

func isolinux(p *pc) {
	p.expectScreen("ISOLINUX 6")
	p.expect("boot: ")
	p.enter("linux")
	shellWorks(p)
}

func memtest(p *pc) {
	p.expectScreen("Memtest86+")
	p.expectScreen("Pass:  1        Errors: 0")
}

func memtestGRUB(p *pc) {
	p.expect(grub)
	p.enter("linux /memtest console=ttyS0,115200")
	p.expect(grub)
	p.enter("boot")
	p.expect("Memtest86+")
	p.expectScreen("Pass:  1        Errors: 0")
}

func ipxe(p *pc) {
	p.expectScreen("iPXE initialising devices")
	p.press("ctrl-b")
	p.expectScreen("iPXE>")
	p.press("c p u i d spc minus minus e x t spc 2 9 spc shift-7 shift-7 spc e c h o spc l o n g minus m o d e ret")
	p.expectScreen("\nlong-mode")
}

func ipxeGRUB(p *pc) {
	p.expect(grub)
	p.enter("linux16 /ipxe")
	p.expect(grub)
	p.enter("boot")
	ipxe(p)
}

// installer goes to Debian's first screen on COM1.
func installer(p *pc) {
	p.expect("boot: ")
	p.enter("install")
	p.expect("Select a language")
}

// installerScreen goes there by the menu, on the screen: a console of the kernel in a mode with graphics.
func installerScreen(p *pc) {
	p.expect("boot: ")
	p.enter("menu")
	p.expect("Press ENTER to boot")
	p.press("ret")
	p.expectPicture("a grey dialog with something in red", dialog)
}

// dialog tells whether a picture is one of Debian's dialogs: most of it grey, its title and what is selected red.
func dialog(m image.Image) bool {
	grey, red, all := 0, 0, m.Bounds().Dx()*m.Bounds().Dy()
	for y := m.Bounds().Min.Y; y < m.Bounds().Max.Y; y++ {
		for x := m.Bounds().Min.X; x < m.Bounds().Max.X; x++ {
			switch color.RGBAModel.Convert(m.At(x, y)) {
			case color.RGBA{0xaa, 0xaa, 0xaa, 0xff}:
				grey++
			case color.RGBA{0xaa, 0, 0, 0xff}:
				red++
			}
		}
	}
	return grey > all/2 && red > all/500
}
