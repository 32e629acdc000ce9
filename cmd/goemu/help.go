package main

import (
	"fmt"
	"strings"
)

// Columns of the help.
const (
	helpColumn = 16
	helpWidth  = 80
)

// helpText is what -help prints: an option a line, from the first column on, as scripts look for it.
func helpText() string {
	var b strings.Builder
	b.WriteString("Usage: goemu [options] [disk image]\n")
	for _, c := range commands {
		fmt.Fprintf(&b, "       goemu %s\n", strings.TrimSpace(c.name+" "+c.args))
	}
	b.WriteString(`
Emulates an x86 PC. With a drive or -boot it boots by its own firmware, unless
-bios gives another. With nothing to boot it runs the built-in guest: a tour
from the reset vector to ring 3, which ends in a small monitor when standard
input is a terminal. Its engine is the translator, whose work it shows.

Options have one dash or two, and mean what they mean to QEMU.
`)
	for _, g := range groups {
		fmt.Fprintf(&b, "\n%s:\n", g)
		for _, o := range options {
			if o.group == g {
				o.writeHelp(&b)
			}
		}
	}
	b.WriteString("\nSub-commands ('goemu help NAME' tells more):\n")
	for _, c := range commands {
		fmt.Fprintf(&b, "%-*s%s\n", helpColumn, c.name, c.about)
	}
	b.WriteString(`
Examples:
  goemu
  goemu disk.img
  goemu -m 1G -hda disk.img -cdrom install.iso -snapshot
  goemu -kernel vmlinuz -initrd initrd.gz -append console=ttyS0 -nographic
  goemu -kernel kernel.elf -nographic -device isa-debug-exit,iobase=0xf4
  goemu -d in_asm,op_opt,out_asm -D log.txt
`)
	return b.String()
}

// writeHelp writes an option with what it is about beside it, or below where it is long.
func (o *option) writeHelp(b *strings.Builder) {
	head := "-" + o.name
	if o.alias != "" {
		head = "-" + o.alias + " or " + head
	}
	if o.arg != "" {
		head += " " + o.arg
	}
	lines := strings.Split(o.about, "\n")
	if len(head) < helpColumn {
		fmt.Fprintf(b, "%-*s%s\n", helpColumn, head, lines[0])
		lines = lines[1:]
	} else {
		fmt.Fprintln(b, head)
	}
	for _, l := range lines {
		fmt.Fprintf(b, "%*s%s\n", helpColumn, "", l)
	}
}
