package main

import (
	"fmt"

	"goemu/emu"
	"goemu/emu/debuglog"
	"goemu/emu/trace"
)

// devices are beginnings of character devices.
const devices = "stdio mon:stdio file: pipe: pty tcp: telnet: unix: vc ringbuf null none chardev:"

var machineOptions = []option{
	{name: "machine", alias: "M", arg: "[type=]BOARD[,PROP=VALUE...]", group: groupMachine,
		about: "board: pc (default) or q35 ('-machine help' for list);\naccel=, pflash0=, pflash1=, graphics=on|off, hpet=on|off,\n" +
			"smm=on|off, kernel-irqchip=on|split|off (see -accel)", example: "-machine q35,accel=kvm:tcg,hpet=off", words: emu.MachineNames, set: (*settings).setMachine},
	{name: "accel", arg: "[accel=]ENGINE[:ENGINE...][,PROP=VALUE]", group: groupMachine,
		about: "engine: tcg (native code), interp (portable), kvm (the host's\nprocessor), auto (not kvm); the first there is. Default: kvm\nwhere it works and fits, else auto ('-accel help' tells which);\n" +
			"kernel-irqchip=on|split|off: interrupt controllers of KVM's:\nall, local APICs, none (default: split where it works)", example: "-accel kvm,kernel-irqchip=split",
		words: words("tcg interp kvm auto kvm:tcg"), set: (*settings).setAccel},
	{name: "enable-kvm", group: groupMachine,
		about: "the same as -accel kvm", example: "-enable-kvm -cpu host", set: given(func(s *settings) { s.accels = append(s.accels, "kvm") })},
	{name: "cpu", arg: "MODEL[,+FEATURE][,-FEATURE][,PROP=VALUE...]", group: groupMachine,
		about: "processor ('-cpu help' for list; default max)", example: "-cpu Haswell,-smap,+rdseed", words: emu.CPUNames, set: (*settings).setCPU},
	{name: "m", arg: "[size=]SIZE", group: groupMachine,
		about: "RAM in MiB, or with a suffix K, M, G (default 128)", example: "-m size=1G", set: (*settings).setMemory},
	{name: "smp", arg: "[cpus=]N[,sockets=N][,cores=N][,threads=N]", group: groupMachine,
		about: "vCPUs (default 1)", example: "-smp 4,sockets=1,cores=2,threads=2", set: (*settings).setSMP},
	{name: "nodefaults", group: groupMachine,
		about: "no devices but those asked for", example: "-nodefaults -device isa-debug-exit", set: given(func(s *settings) { s.cfg.NoDefaults = true })},
	{name: "name", arg: "[guest=]NAME[,process=NAME]", group: groupMachine,
		about: "the machine's name, and that of goemu's process", example: "-name guest=lab1,process=lab1", set: (*settings).setName},
	{name: "uuid", arg: "UUID", group: groupMachine,
		about: "the machine's UUID, in its SMBIOS tables", example: "-uuid 5a0b5a2c-8a07-4d6c-9f3e-0123456789ab", set: func(s *settings, v string) error {
			s.cfg.UUID = v
			_, err := emu.ParseUUID(v)
			return err
		}},
	{name: "smbios", arg: "type=N,FIELD=TEXT...|file=FILE", group: groupMachine,
		about:   "what SMBIOS tables say of the machine: type 0 (firmware),\n1 (system), 2 (board), 3 (chassis), 4 (processor), 11 (OEM),\n17 (memory), or a structure of a file",
		example: "-smbios type=1,manufacturer=ACME,product=Lab,serial=42", set: list(func(s *settings) *[]string { return &s.cfg.SMBIOS })},
	{name: "acpitable", arg: "sig=SIG,data=FILE|file=FILE[,PROP=VALUE...]", group: groupMachine,
		about:   "add an ACPI table: of data, or of a file with its header;\nrev=, oem_id=, oem_table_id=, oem_rev=, asl_compiler_id=,\nasl_compiler_rev=",
		example: "-acpitable sig=SSDT,data=table.bin", set: list(func(s *settings) *[]string { return &s.cfg.ACPITables })},
	{name: "rtc", arg: "[base=utc|localtime|DATE][,clock=host|rt|vm]", group: groupMachine,
		about:   "what the clock shows at power-on (DATE: 2006-01-02T15:04:05),\nand whether it goes on (host) or not (vm) while the machine is\nstopped",
		example: "-rtc base=2026-01-01T00:00:00,clock=vm", set: (*settings).setRTC},
	{name: "S", group: groupMachine,
		about: "wait, before the first instruction, for cont of the monitor\nor of gdb", example: "-S -monitor stdio", set: given(func(s *settings) { s.cfg.Stopped = true })},
	{name: "no-shutdown", group: groupMachine,
		about: "stop, not end, when the guest powers off", example: "-no-shutdown -monitor stdio", set: given(func(s *settings) { s.cfg.NoShutdown = true })},
	{name: "action", arg: "EVENT=ACTION[,EVENT=ACTION...]", group: groupMachine,
		about:   "what to do: reboot=reset|shutdown, shutdown=poweroff|pause,\npanic=pause|shutdown|exit-failure|none",
		example: "-action reboot=shutdown,panic=pause", set: (*settings).setAction},
	{name: "no-reboot", group: groupMachine,
		about: "end instead of resetting; a triple fault prints what led to it", example: "-no-reboot -kernel kernel.elf",
		set: given(func(s *settings) { s.cfg.NoReboot = true })},
	{name: "no-hpet", group: groupMachine,
		about: "as -machine hpet=off", example: "-no-hpet", set: given(func(s *settings) { s.cfg.NoHPET = true })},
}

var bootOptions = []option{
	{name: "bios", arg: "FILE", group: groupBoot, files: true,
		about: "firmware image instead of the built-in firmware", example: "-bios OVMF.fd", set: text(func(s *settings) *string { return &s.cfg.Firmware })},
	{name: "L", arg: "DIR", group: groupBoot, files: true,
		about: "look for firmware images here too ('-L help' lists where)", example: "-L /usr/share/seabios -bios bios.bin", set: (*settings).addFirmwareDir},
	{name: "boot", arg: "[order=]LETTERS[,PROP=VALUE...]", group: groupBoot,
		about:   "boot from a floppy, c hard disk, d CD-ROM, n network;\nonce=LETTERS, menu=on|off, strict=on|off, splash-time=MS,\nreboot-timeout=MS",
		example: "-cdrom install.iso -boot d", set: func(s *settings, v string) (err error) { s.cfg.Boot, err = emu.ParseBoot(v); return err }},
	{name: "fw_cfg", arg: "[name=]NAME,string=TEXT|file=FILE", group: groupBoot,
		about: "give firmware and guest a file", example: "-fw_cfg name=opt/greeting,string=hello", set: list(func(s *settings) *[]string { return &s.cfg.FwCfg })},
	{name: "kernel", arg: "FILE", group: groupBoot, files: true,
		about: "boot this: Linux bzImage, multiboot or PVH ELF", example: "-kernel vmlinuz -initrd initrd.gz -append console=ttyS0 -nographic",
		set: text(func(s *settings) *string { return &s.cfg.Kernel })},
	{name: "initrd", arg: "FILE", group: groupBoot, files: true,
		about: "initial RAM disk; for multiboot \"FILE args,FILE2 args\"", example: "-kernel vmlinuz -initrd initrd.gz",
		set: text(func(s *settings) *string { return &s.cfg.Initrd })},
	{name: "append", arg: "LINE", group: groupBoot,
		about: "command line of the kernel", example: "-kernel vmlinuz -append console=ttyS0",
		set: text(func(s *settings) *string { return &s.cfg.Append })},
}

var deviceOptions = []option{
	{name: "device", arg: "DRIVER[,PROP=VALUE...]", group: groupDevices,
		about: "add a device ('-device help' for list, '-device DRIVER,help'\nfor its properties)", example: "-device isa-debug-exit,iobase=0xf4,iosize=0x04",
		words: emu.DeviceNames, set: (*settings).addDevice},
	{name: "global", arg: "DRIVER.PROP=VALUE", group: groupDevices,
		about: "a property of all devices of a driver, also of a -hda or -vga;\nor driver=DRIVER,property=PROP,value=VALUE", example: "-global VGA.vgamem_mb=32",
		set: list(func(s *settings) *[]string { return &s.cfg.Globals })},
	{name: "vga", arg: "std|none", group: groupDevices,
		about: "display adapter", example: "-vga none", words: words("std none"), set: func(s *settings, v string) (err error) {
			s.cfg.NoVGA, err = emu.ParseVGA(v)
			return err
		}},
	{name: "net", arg: "none", group: groupDevices,
		about: "no network, which goemu does not have", example: "-net none", words: words("none"), set: noNetwork},
	{name: "nic", arg: "none", group: groupDevices,
		about: "the same", example: "-nic none", words: words("none"), set: noNetwork},
}

var talkOptions = []option{
	{name: "nographic", group: groupTalk,
		about: "serial port and console on this terminal (Ctrl-A x quits)", example: "-nographic", set: given(func(s *settings) {
			s.nographic, s.cfg.NoGraphics = true, true
		})},
	{name: "display", arg: "tui|none", group: groupTalk,
		about: "tui: the screen and the machine's inside on this terminal\n(Ctrl-A h for help), the default on one; also curses, tty", example: "-display none", words: words("none tui curses tty"),
		set: (*settings).setDisplay},
	{name: "vnc", arg: "HOST:DISPLAY|unix:PATH|none[,PROP=VALUE...]", group: groupTalk,
		about:   "the screen over the network, at port 5900+DISPLAY of HOST\n(localhost if it is left out); to=LAST, password=on|off,\nshare=allow-exclusive|force-shared|ignore",
		example: "-vnc :1,password=on -monitor stdio", words: words("localhost: unix: none"), set: (*settings).setVNC},
	{name: "serial", arg: "DEV", group: groupTalk,
		about: "serial port: stdio, mon:stdio, file:FILE, pipe:FILE, pty,\n/dev/LINE, tcp:HOST:PORT[,server=on][,wait=off], telnet:...,\nunix:FILE[,...], vc, ringbuf, null, none, chardev:ID", example: "-serial mon:stdio",
		words: words(devices), set: list(func(s *settings) *[]string { return &s.cfg.Serial })},
	{name: "parallel", arg: "DEV", group: groupTalk,
		about: "parallel port, as for -serial", example: "-parallel file:printer.txt", words: words(devices),
		set: list(func(s *settings) *[]string { return &s.cfg.Parallel })},
	{name: "chardev", arg: "BACKEND,id=ID[,PROP=VALUE...]", group: groupTalk,
		about: "character device ('-chardev help' for list); mux=on,\nlogfile=FILE, logappend=on, path=, host=, port=, server=on ...", example: "-chardev file,id=log,path=serial.txt -serial chardev:log",
		set: (*settings).addChardev},
	{name: "monitor", arg: "DEV", group: groupTalk,
		about:   "monitor, as for -serial (Ctrl-A c on the console is one too)",
		example: "-monitor stdio", words: words(devices), set: list(func(s *settings) *[]string { return &s.cfg.Monitor })},
	{name: "qmp", arg: "DEV", group: groupTalk,
		about: "QEMU's machine protocol (QMP), as for -serial", example: "-qmp unix:qmp.sock,server=on,wait=off", words: words(devices),
		set: list(func(s *settings) *[]string { return &s.cfg.QMP })},
	{name: "mon", arg: "[chardev=]ID[,mode=readline|control]", group: groupTalk,
		about: "monitor, or with mode=control QMP, on a -chardev", example: "-chardev stdio,id=c,mux=on -mon c -serial chardev:c",
		set: list(func(s *settings) *[]string { return &s.cfg.Mon })},
	{name: "echr", arg: "N", group: groupTalk,
		about: "the key before commands to goemu on the console and the\nterminal display: 1 (default) is Ctrl-A, 26 Ctrl-Z", example: "-nographic -echr 0x14", set: (*settings).setEscape},
	{name: "debugcon", arg: "DEV", group: groupTalk,
		about: "debug console (port 0xe9), as for -serial", example: "-debugcon file:debug.txt",
		set: text(func(s *settings) *string { return &s.cfg.Debugcon })},
}

var debugOptions = []option{
	{name: "gdb", arg: "DEV", group: groupDebug,
		about: "wait for gdb there: tcp:[HOST]:PORT, or as for -serial; the\nmachine runs meanwhile (-S lets it wait)", example: "-gdb tcp:localhost:1234 -S",
		words: words(devices), set: text(func(s *settings) *string { return &s.cfg.GDB })},
	{name: "s", group: groupDebug,
		about: "as -gdb tcp::1234", example: "-s -S -kernel vmlinuz", set: given(func(s *settings) { s.cfg.GDB = "tcp::1234" })},
	{name: "icount", arg: "[shift=]N|auto[,sleep=on|off]", group: groupDebug,
		about: "guest time follows instructions, each of 2^N ns", example: "-icount shift=3,sleep=off", set: (*settings).setIcount},
	{name: "d", arg: "ITEM[,ITEM...]", group: groupDebug,
		about: "log these ('-d help' for list)", example: "-d in_asm,op_opt,out_asm -D goemu.log", words: debuglog.Names, set: (*settings).setLogItems},
	{name: "D", arg: "FILE", group: groupDebug, files: true,
		about: "log to this file instead of standard error", example: "-d int -D goemu.log", set: text(func(s *settings) *string { return &s.logFile })},
	{name: "trace", arg: "[[enable=]PATTERN][,events=FILE][,file=FILE]", group: groupDebug,
		about:   "write a line for each of these events ('-trace help' for\nlist), as they happen; * in a pattern, - before it: not these;\nevents=: patterns of a file; file=: not to standard error",
		example: "-trace cpu_*,file=trace.txt -trace -cpu_in", words: trace.Names, set: (*settings).setTrace},
	{name: "dfilter", arg: "RANGE[,RANGE...]", group: groupDebug,
		about: "log only for these guest addresses: START..END, START+SIZE,\nSTART-SIZE", example: "-d in_asm -dfilter 0x7c00+0x200",
		set: func(s *settings, v string) (err error) { s.logFilter, err = debuglog.ParseRanges(v); return err }},
}

var goemuOptions = []option{
	{name: "readconfig", arg: "FILE", group: groupGoemu, files: true,
		about: "take options of a file: [GROUP \"ID\"] with lines PROP = \"VALUE\"", example: "-readconfig vm.cfg", set: (*settings).readConfig},
	{name: "pidfile", arg: "FILE", group: groupGoemu, files: true,
		about: "write goemu's process ID to a file, while it runs", example: "-pidfile goemu.pid", set: text(func(s *settings) *string { return &s.pidFile })},
	{name: "no-user-config", group: groupGoemu,
		about: "read no configuration of the user; goemu never does", example: "-no-user-config", set: given(func(*settings) {})},
	{name: "version", group: groupGoemu,
		about: "print the version", example: "-version", set: func(s *settings, _ string) error {
			fmt.Fprint(s.out, versionText())
			return errDone
		}},
	{name: "help", alias: "h", group: groupGoemu,
		about: "print this help", example: "-help", set: func(*settings, string) error { return errHelp }},
}

func noNetwork(_ *settings, v string) error {
	if v != "none" {
		return fmt.Errorf("goemu has no network: want none")
	}
	return nil
}

// versionText has the form that scripts for QEMU look for, each on a line of its own: which version this is, and whose options it takes.
func versionText() string {
	return fmt.Sprintf("goemu version %s\nQEMU emulator version %s has the options and commands that goemu follows\n", emu.Version, followed)
}

// followed is the version of QEMU whose command line is goemu's.
const followed = "7.2.0"
