package main

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"goemu/emu"
	"goemu/emu/chardev"
	"goemu/emu/debuglog"
	"goemu/emu/nearest"
)

// errDone says that an option has printed what was asked for.
var errDone = errors.New("done")

// values holds the options as given.
type values struct {
	memory, accel, cpu, kernel, initrd, append string
	machine, debugcon, icount, smp             string
	serial, parallel, chardevs, devices        []string
	logItems, logFile, logFilter               string
	display                                    string
	drives, driveNames                         []string
	snapshot                                   bool
	nographic, nodefaults, noReboot            bool
	version, help                              bool

	bios, boot     string
	romDirs, fwCfg []string
	vga, monitor   string
}

// flagSet declares the options with the names and letters that QEMU users know.
func flagSet(v *values) *pflag.FlagSet {
	f := pflag.NewFlagSet("goemu", pflag.ContinueOnError)
	f.SortFlags = false
	f.Usage = func() {}
	f.StringVarP(&v.machine, "machine", "M", "", "`board`[,prop=value...]: pc (default), q35; -machine help lists them")
	f.StringVar(&v.accel, "accel", "auto", "`engine`: tcg (native code), interp (portable), auto; alternatives as a:b")
	f.StringVar(&v.cpu, "cpu", "", "processor `model`[,+feature][,-feature]...; -cpu help lists them (default max)")
	f.StringVarP(&v.memory, "m", "m", "128M", "RAM `size`, in MiB or with suffix K, M, G")
	f.StringVar(&v.smp, "smp", "", "vCPUs: [cpus=]`N`[,sockets=N][,cores=N][,threads=N]")
	f.StringVar(&v.bios, "bios", "", "firmware image `file`, for example bios-256k.bin or OVMF.fd")
	f.StringArrayVarP(&v.romDirs, "L", "L", nil, "look for firmware images in this `directory` too")
	f.StringVar(&v.boot, "boot", "", "boot `order`: [order=]acdn[,once=acdn][,menu=on|off][,strict=on|off][,splash-time=MS]\n[,reboot-timeout=MS]")
	f.StringArrayVar(&v.fwCfg, "fw_cfg", nil, "give firmware and guest an `item`: [name=]NAME,string=TEXT or [name=]NAME,file=PATH")
	f.StringVar(&v.kernel, "kernel", "", "boot this `file`: Linux bzImage, multiboot or PVH ELF")
	f.StringVar(&v.initrd, "initrd", "", "initial RAM disk `file`; for multiboot \"file args,file2 args\"")
	f.StringVar(&v.append, "append", "", "kernel command `line`")
	driveFlags(f, v)
	f.BoolVar(&v.nographic, "nographic", false, "serial port and console on this terminal (Ctrl-A x quits)")
	f.StringVar(&v.display, "display", "none", "`display`: none, tty (the screen on this terminal; Ctrl-] quits)")
	f.StringVar(&v.monitor, "monitor", "none", "monitor on `dev`: stdio, unix:PATH,server,nowait, none (Ctrl-A c on the console is one too)")
	f.StringVar(&v.vga, "vga", "std", "display `adapter`: std, none")
	f.StringArrayVar(&v.serial, "serial", nil, "serial port to `dev`: stdio, mon:stdio, file:PATH, null, none, chardev:ID")
	f.StringArrayVar(&v.parallel, "parallel", nil, "parallel port to `dev`, as for -serial")
	f.StringArrayVar(&v.chardevs, "chardev", nil, "character device: `backend`,id=ID[,path=PATH], backend stdio, file or null")
	f.StringArrayVar(&v.devices, "device", nil, "add a `device`[,prop=value...]; -device help lists them")
	f.StringVar(&v.debugcon, "debugcon", "", "debug console (port 0xe9) to `dev`")
	f.BoolVar(&v.nodefaults, "nodefaults", false, "no devices but those asked for")
	f.BoolVar(&v.noReboot, "no-reboot", false, "end instead of resetting; a triple fault prints what led to it")
	f.StringVar(&v.icount, "icount", "", "guest time follows instructions: `shift`=N|auto[,sleep=on|off]")
	f.StringVarP(&v.logItems, "d", "d", "", "log these `items`; -d help lists them")
	f.StringVarP(&v.logFile, "D", "D", "", "log to `file` instead of standard error")
	f.StringVar(&v.logFilter, "dfilter", "", "log blocks only in these `ranges`: START..END, START+SIZE, START-SIZE")
	f.BoolVar(&v.version, "version", false, "print the version")
	f.BoolVarP(&v.help, "help", "h", false, "print this help")
	return f
}

func helpText() string {
	var v values
	var b strings.Builder
	b.WriteString(`Usage: goemu [options] [disk image]

Emulates an x86 PC. With a drive or -boot it boots by its own firmware, unless -bios gives another.
With nothing to boot it runs the built-in guest: a tour from the reset vector to ring 3, which ends in
a small monitor when standard input is a terminal.

Options (with one dash or two):
`)
	usage := strings.ReplaceAll(flagSet(&v).FlagUsages(), "--", " -")
	for _, letter := range []string{"m", "d", "D", "L"} { // pflag has them as a letter and as a name
		usage = strings.Replace(usage, "-"+letter+",  -"+letter+" ", "     -"+letter+" ", 1)
	}
	b.WriteString(usage)
	b.WriteString(`
Examples:
  goemu
  goemu -m 512 -kernel vmlinuz -initrd initrd.gz -append console=ttyS0 -nographic
  goemu -kernel kernel.elf -nographic -no-reboot -device isa-debug-exit,iobase=0xf4,iosize=4
  goemu -cpu Haswell,-smap,+rdseed -kernel vmlinuz -initrd initrd.gz -nographic
  goemu -m 1G -hda disk.img -cdrom install.iso -snapshot
  goemu -drive file=disk.img,if=none,id=d -device ide-hd,drive=d,bus=ide.1,unit=1,serial=X1
  goemu -d in_asm,op_opt,out_asm -D log.txt
`)
	return b.String()
}

// twoDashes turns QEMU's -option into pflag's --option.
func twoDashes(f *pflag.FlagSet, args []string) []string {
	out := make([]string, 0, len(args))
	for i, a := range args {
		if a == "--" {
			return append(out, args[i:]...)
		}
		if len(a) > 2 && a[0] == '-' && a[1] != '-' {
			name, _, _ := strings.Cut(a[1:], "=")
			if f.Lookup(name) != nil || f.ShorthandLookup(a[1:2]) == nil || !isNumberLike(a[2:]) {
				a = "-" + a
			}
		}
		out = append(out, a)
	}
	return out
}

// isNumberLike tells -m512 from a misspelt long option.
func isNumberLike(s string) bool { return s[0] >= '0' && s[0] <= '9' }

// parse turns the command line into a Config.
func parse(args []string) (*emu.Config, error) {
	var v values
	f := flagSet(&v)
	if err := f.Parse(twoDashes(f, args)); err != nil {
		return nil, explain(f, err)
	}
	if v.help {
		return nil, pflag.ErrHelp
	}
	if v.version {
		fmt.Printf("goemu version %s\n", emu.Version)
		return nil, errDone
	}
	if f.NArg() > 1 {
		return nil, fmt.Errorf("%s: one disk image can be given without an option, and that is %s", f.Arg(1), f.Arg(0))
	}
	if f.NArg() == 1 {
		v.addDrive(shortDrive(f.Arg(0), "index=0,media=disk"), "disk image "+f.Arg(0))
	}
	return v.config()
}

func (v *values) config() (*emu.Config, error) {
	cfg := &emu.Config{
		CPU: v.cpu, Kernel: v.kernel, Initrd: v.initrd, Append: v.append,
		NoDefaults: v.nodefaults, NoReboot: v.noReboot, Debugcon: v.debugcon,
		Serial: v.serial, Parallel: v.parallel, Chardevs: map[string]string{},
		Drives: v.drives, DriveNames: v.driveNames, Snapshot: v.snapshot,
		Monitor:     v.monitor,
		Display:     v.display,
		Interactive: chardev.Interactive(),
		Firmware:    v.bios, FirmwareDirs: v.romDirs, FwCfg: v.fwCfg,
	}
	if v.kernel == "" && (v.initrd != "" || v.append != "") {
		return nil, errors.New("-initrd and -append need -kernel")
	}
	if v.display != "none" && v.display != "tty" {
		return nil, fmt.Errorf("-display %s: goemu has no such display (have: none, tty)", v.display)
	}
	if v.display == "tty" && v.nographic {
		return nil, errors.New("-nographic and -display tty both want the terminal")
	}
	if v.cpu == "help" || v.cpu == "?" {
		fmt.Print(emu.CPUHelp())
		return nil, errDone
	}
	if err := v.parseMachine(cfg); err != nil {
		return nil, err
	}
	var err error
	size, _, _ := strings.Cut(strings.TrimPrefix(v.memory, "size="), ",")
	if cfg.Memory, err = emu.ParseSize(size, 1<<20); err != nil {
		return nil, fmt.Errorf("-m: %w", err)
	}
	if cfg.NoVGA, err = emu.ParseVGA(v.vga); err != nil {
		return nil, err
	}
	if cfg.Accel, err = emu.ParseAccel(v.accel); err != nil {
		return nil, err
	}
	if cfg.Boot, err = emu.ParseBoot(v.boot); err != nil {
		return nil, err
	}
	if err := parseSMP(v.smp, cfg); err != nil {
		return nil, err
	}
	for _, s := range v.chardevs {
		backend, rest, _ := strings.Cut(s, ",")
		props := map[string]string{}
		if err := emu.ParseProps("-chardev "+backend, rest, props); err != nil {
			return nil, err
		}
		id := props["id"]
		if id == "" {
			return nil, fmt.Errorf("-chardev %s: id= is missing", s)
		}
		if _, twice := cfg.Chardevs[id]; twice {
			return nil, fmt.Errorf("-chardev %s: id %s is used twice", s, id)
		}
		if backend == "file" {
			backend = "file:" + props["path"]
		}
		cfg.Chardevs[id] = backend
	}
	for _, s := range v.devices {
		if s == "help" || s == "?" {
			fmt.Print(emu.DeviceHelp())
			return nil, errDone
		}
		cfg.Devices = append(cfg.Devices, s)
	}
	if v.icount != "" {
		if err := v.parseIcount(cfg); err != nil {
			return nil, err
		}
	}
	return cfg, v.openLog(cfg)
}

func (v *values) parseIcount(cfg *emu.Config) error {
	s := v.icount
	if !strings.Contains(s, "=") {
		s = "shift=" + s
	}
	props := map[string]string{}
	if err := emu.ParseProps("-icount", s, props); err != nil {
		return err
	}
	cfg.Icount, cfg.Shift = true, 3
	for k, val := range props {
		switch {
		case k == "shift" && val == "auto":
		case k == "shift":
			n, err := strconv.ParseUint(val, 10, 8)
			if err != nil || n > 10 {
				return fmt.Errorf("-icount shift=%s: want a number from 0 to 10, or auto", val)
			}
			cfg.Shift = uint(n)
		case k == "sleep" && (val == "on" || val == "off"):
			cfg.NoSleep = val == "off"
		default:
			return fmt.Errorf("-icount: %s=%s is not known (want shift=N|auto, sleep=on|off)", k, val)
		}
	}
	return nil
}

func (v *values) openLog(cfg *emu.Config) error {
	if v.logItems == "" {
		if v.logFile != "" || v.logFilter != "" {
			return errors.New("-D and -dfilter need -d: nothing is logged without it (-d help lists what can be)")
		}
		return nil
	}
	if v.logItems == "help" || v.logItems == "?" {
		fmt.Print(debuglog.Help())
		return errDone
	}
	items, err := debuglog.Parse(v.logItems)
	if err != nil {
		return fmt.Errorf("-d: %w", err)
	}
	var ranges []debuglog.Range
	if v.logFilter != "" {
		if ranges, err = debuglog.ParseRanges(v.logFilter); err != nil {
			return fmt.Errorf("-dfilter: %w", err)
		}
	}
	cfg.Log, err = debuglog.Open(items, v.logFile, ranges)
	return err
}

// explain adds the nearest option to the error about an unknown one.
func explain(f *pflag.FlagSet, err error) error {
	var unknown *pflag.NotExistError
	if !errors.As(err, &unknown) {
		return err
	}
	name := unknown.GetSpecifiedName()
	best, score := "", 3
	f.VisitAll(func(g *pflag.Flag) {
		if d := nearest.Distance(name, g.Name); d < score {
			best, score = g.Name, d
		}
	})
	if best != "" {
		return fmt.Errorf("unknown option -%s; did you mean -%s?", name, best)
	}
	return fmt.Errorf("unknown option -%s (%s -help lists all)", name, os.Args[0])
}
