package main

import (
	"fmt"
	"go/doc/comment"
	"go/parser"
	"go/token"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"goemu/emu"
	"goemu/emu/inspect"
)

// chip is what the machine's trees call the devices of a package, and which -device adds them.
type chip struct {
	names   []string // beside those that begin with the package's name and a dot
	drivers []string
}

var chips = map[string]chip{
	"ahci":       {[]string{"ICH9 AHCI"}, []string{"ich9-ahci"}},
	"ata":        {nil, []string{"ide-hd", "ide-cd"}},
	"debugcon":   {[]string{"isa-debugcon"}, []string{"isa-debugcon"}},
	"debugexit":  {[]string{"isa-debug-exit"}, []string{"isa-debug-exit"}},
	"dma":        {[]string{"8237A"}, nil},
	"edu":        {[]string{"edu"}, []string{"edu"}},
	"fdc":        {[]string{"82078"}, []string{"floppy"}},
	"fwcfg":      {[]string{"fw_cfg"}, nil},
	"hpet":       {[]string{"HPET"}, nil},
	"i440fx":     {[]string{"i440FX"}, nil},
	"i8042":      {[]string{"i8042"}, nil},
	"ich9":       {[]string{"ICH9 LPC"}, nil},
	"ide":        {[]string{"PIIX3 IDE"}, nil},
	"ioapic":     {[]string{"82093AA"}, nil},
	"lapic":      {[]string{"local APIC"}, nil},
	"parport":    {[]string{"parallel port"}, nil},
	"pci":        {[]string{"PCI bus"}, nil},
	"pcitestdev": {[]string{"pci-testdev"}, []string{"pci-testdev"}},
	"pctestdev":  {[]string{"pc-testdev"}, []string{"pc-testdev"}},
	"pic":        {[]string{"8259A"}, nil},
	"piix3":      {[]string{"PIIX3"}, nil},
	"piix4pm":    {[]string{"PIIX4 PM"}, nil},
	"pit":        {[]string{"8254"}, nil},
	"pvpanic":    {[]string{"pvpanic", "pvpanic-pci"}, []string{"pvpanic", "pvpanic-pci"}},
	"q35":        {[]string{"Q35 MCH"}, nil},
	"rtc":        {[]string{"MC146818"}, nil},
	"smbus":      {[]string{"ICH9 SMBus", "piix4pm.smbusPorts"}, nil},
	"uart":       {[]string{"16550A"}, nil},
	"vga":        {[]string{"VGA"}, []string{"VGA"}},
}

// parts are packages that have no registers of their own.
var parts = []string{"acpipm", "apicbus", "block", "devtest", "pflash", "pirq", "portmap"}

const devicesIntro = "# Devices\n\n" +
	"Every package of `devices`: the standard it follows, where a guest finds it, its options, and what is not done. Made by `go run ./tests/pages` from the packages'\n" +
	"comments and from machines of both boards with every device in them; edit those. [pc.md](pc.md) tells how they work together, `info mtree` and `info qtree`\n" +
	"of the monitor where they are in a machine that runs. Ports and addresses of PCI functions are those that a kernel finds that is loaded directly; guests may move them.\n"

// devicesPage is the text of docs/devices.md. The kernel ends by itself.
func devicesPage(root, kernel string) (string, error) {
	places := map[string]map[string]string{}
	for _, board := range []string{"pc", "q35"} {
		p, err := boardPlaces(board, kernel)
		if err != nil {
			return "", err
		}
		places[board] = p
	}
	entries, err := os.ReadDir(filepath.Join(root, "devices"))
	if err != nil {
		return "", err
	}
	var b strings.Builder
	b.WriteString(devicesIntro)
	for _, e := range entries {
		if !e.IsDir() {
			continue
		}
		name := e.Name()
		c, ok := chips[name]
		if !ok && !slices.Contains(parts, name) {
			return "", fmt.Errorf("devices/%s: tests/pages does not know where its registers are", name)
		}
		text, err := packageComment(filepath.Join(root, "devices", name))
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&b, "\n## %s\n\n%s\n", name, text)
		pc, q35 := places["pc"][name], places["q35"][name]
		switch {
		case pc == "" && q35 == "" && len(c.names) > 0:
			return "", fmt.Errorf("devices/%s: not on any board", name)
		case pc == q35 && pc != "":
			fmt.Fprintf(&b, "- On both boards: %s.\n", pc)
		default:
			for _, board := range []string{"pc", "q35"} {
				if p := places[board][name]; p != "" {
					fmt.Fprintf(&b, "- On %s: %s.\n", board, p)
				}
			}
		}
		for _, d := range c.drivers {
			help, err := emu.DevicePropHelp(d)
			if err != nil {
				return "", err
			}
			fmt.Fprintf(&b, "- `-device %s`:\n\n```\n%s```\n", d, help)
		}
	}
	return b.String(), nil
}

// packageComment is the comment of a package as Markdown, without the words that name it.
func packageComment(dir string) (string, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return "", err
	}
	for _, f := range files {
		file, err := parser.ParseFile(token.NewFileSet(), f, nil, parser.PackageClauseOnly|parser.ParseComments)
		if err != nil {
			return "", err
		}
		if file.Doc == nil || strings.HasSuffix(f, "_test.go") {
			continue
		}
		_, text, ok := strings.Cut(file.Doc.Text(), " is ")
		if !ok {
			return "", fmt.Errorf("%s: the package's comment does not say what it is", f)
		}
		var p comment.Parser
		return string((&comment.Printer{}).Markdown(p.Parse(strings.ToUpper(text[:1]) + text[1:]))), nil
	}
	return "", fmt.Errorf("%s: no package comment", dir)
}

// boardPlaces tells, by package, where the registers of a board's devices are.
func boardPlaces(board, kernel string) (map[string]string, error) {
	cfg := emu.Config{
		Machine: board, Kernel: kernel, Accel: emu.AccelInterp, ConsoleOut: io.Discard, Serial: []string{"null", "null"}, Chardevs: []string{"null,id=debug"},
		Devices: []string{"isa-debug-exit,iobase=0xf4,iosize=4", "edu", "pvpanic", "pvpanic-pci", "pc-testdev", "pci-testdev", "isa-debugcon,chardev=debug"},
	}
	if board == "pc" {
		cfg.Devices = append(cfg.Devices, "ahci")
	}
	m, err := emu.New(cfg)
	if err != nil {
		return nil, err
	}
	defer m.Close()
	if status, err := m.Run(); status != 33 || err != nil {
		return nil, fmt.Errorf("machine %s: status %d, %v", board, status, err)
	}
	found := map[string][]string{}
	var bars []inspect.BAR // their addresses depend on what else is there, so only their sizes are told
	for _, p := range m.PCIFunctions() {
		if dir := packageOf(p.Name); dir != "" {
			s := fmt.Sprintf("PCI function %02x:%02x.%x, %04x:%04x", p.Bus, p.Slot, p.Func, p.Vendor, p.Device)
			bars = append(bars, p.BARs...)
			for _, b := range p.BARs {
				kind := "of memory"
				if b.IO {
					kind = "of ports"
				}
				s += fmt.Sprintf(", BAR %d %#x bytes %s", b.Number, b.Size, kind)
			}
			found[dir] = append(found[dir], s)
		}
	}
	for _, space := range m.MemoryTree() {
		var walk func(nodes []inspect.Node)
		walk = func(nodes []inspect.Node) {
			for _, n := range nodes {
				walk(n.Children)
				dir := packageOf(n.Name)
				if dir == "" || slices.ContainsFunc(bars, func(b inspect.BAR) bool {
					return b.Mapped && b.IO == (space.Name == "I/O") && n.Lo-b.Addr < b.Size && n.Lo >= 0x1000
				}) {
					continue
				}
				kind := "memory"
				if space.Name == "I/O" {
					kind = "ports"
				}
				s := fmt.Sprintf("%X", n.Lo)
				if n.Hi > n.Lo {
					s += fmt.Sprintf("-%X", n.Hi)
				}
				if list := found[dir]; len(list) > 0 && strings.HasPrefix(list[len(list)-1], kind+" ") {
					list[len(list)-1] += ", " + s
				} else {
					found[dir] = append(list, kind+" "+s)
				}
			}
		}
		walk(space.Children)
	}
	places := map[string]string{}
	for dir, list := range found {
		places[dir] = strings.Join(list, "; ")
	}
	return places, nil
}

// packageOf is the package of what the trees call name; "": none.
func packageOf(name string) string {
	for dir, c := range chips {
		if slices.Contains(c.names, name) {
			return dir
		}
	}
	if dir, _, ok := strings.Cut(name, "."); ok {
		if _, ok := chips[dir]; ok {
			return dir
		}
	}
	return ""
}
