package main

import (
	"fmt"
	"io"
	"strings"

	"goemu/emu"
)

// roff makes text safe in a manual page: dashes that are to be typed, and lines that begin with a control character.
func roff(s string) string {
	s = strings.NewReplacer(`\`, `\e`, "-", `\-`).Replace(s)
	lines := strings.Split(s, "\n")
	for i, l := range lines {
		if strings.HasPrefix(l, ".") || strings.HasPrefix(l, "'") {
			lines[i] = `\&` + l
		}
	}
	return strings.Join(lines, "\n")
}

// printMan prints the manual page, in the macros of man(7).
func printMan(out io.Writer, args []string) (int, error) {
	if err := none(args); err != nil {
		return 0, err
	}
	var b strings.Builder
	p := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	p(`.TH GOEMU 1 2026-11-21 "goemu %s" "User Commands"`, emu.Version)
	p(".SH NAME\ngoemu \\- emulate an x86 PC")
	p(".SH SYNOPSIS\n.B goemu\n.RI [ options ]\n.RI [ \"disk image\" ]")
	for _, c := range commands {
		p(".PP\n.B goemu %s\n%s", c.name, roff(c.args))
	}
	p(".SH DESCRIPTION")
	p("%s", roff(`goemu emulates an x86 PC by translating the guest's code into the host's.
With a drive or -boot it boots by its own firmware, unless -bios gives another; -kernel boots a kernel directly.
With nothing to boot it runs the built-in guest, a tour from the reset vector to ring 3.`))
	p(".PP\n%s", roff(`Options have QEMU's names and meanings, and one dash or two. Values are PROP=VALUE,...; a comma in a value is doubled.
Sizes are numbers with a suffix K, M, G or T, powers of 1024.`))
	p(".SH OPTIONS")
	for _, g := range groups {
		p(".SS %s", g)
		for _, o := range options {
			if o.group != g {
				continue
			}
			names := `\fB` + roff(strings.Join(o.names(), ", ")) + `\fR`
			if o.arg != "" {
				names += ` \fI` + roff(o.arg) + `\fR`
			}
			p(".TP\n%s\n%s", names, roff(o.about))
			p(".br\nExample: \\fBgoemu %s\\fR", roff(o.example))
		}
	}
	p(".SH SUB-COMMANDS")
	for _, c := range commands {
		p(".TP\n\\fB%s\\fR %s", roff(c.name), roff(c.args))
		p("%s.", roff(strings.ToUpper(c.about[:1])+c.about[1:]))
		if c.long != "" {
			p(".RS\n.nf\n%s\n.fi\n.RE", roff(strings.TrimSpace(c.long)))
		}
	}
	p(".SH EXIT STATUS\n%s", roff("0 when the guest powers off, 1 for errors, (V<<1)|1 when the guest writes V to isa-debug-exit, 128 and the number of a signal that ends it."))
	p(".SH SEE ALSO\n.BR qemu (1)")
	_, err := io.WriteString(out, b.String())
	return 0, err
}
