package main

// What to do instead of options that QEMU has and goemu lacks.
const (
	hintNetwork  = "it has no network devices yet: leave it out, or say -net none"
	hintSound    = "it has no sound: leave it out"
	hintWindow   = "it has no window: the screen can be on the terminal (-display tui)"
	hintKVM      = "engines are chosen by -accel: kvm:tcg takes the translator where there is no KVM"
	hintState    = "a machine's state cannot be saved or moved: start the guest anew"
	hintMemory   = "RAM is said by -m alone"
	hintHost     = "it does not change the rights of its own process: let the program that starts it do so (systemd-run, setpriv, chroot)"
	hintUSB      = "it has no USB: the PS/2 keyboard and mouse are always there"
	hintFS       = "it shares no directories: put the files into a raw image (-drive) or an initial RAM disk (-initrd)"
	hintNoDevice = "it has no such device (-device help lists those that there are)"
	hintNoChange = "there is nothing like it to switch: leave it out"
	hintBlock    = "drives are said by -drive"
	hintRTC      = "the clock is said by -rtc"
	hintXen      = "it is no host for Xen's guests: leave it out"
	hintOther    = "it emulates x86 PCs alone: leave it out"
)

// lacking is what is said of an option of QEMU's that goemu lacks.
var lacking = map[string]string{
	"no-kvm": "the translator is -accel tcg", "enable-hax": hintKVM, "xen-domid": hintXen, "xen-attach": hintXen, "xen-domid-restrict": hintXen,

	"netdev": hintNetwork, "smb": hintNetwork, "tftp": hintNetwork, "redir": hintNetwork, "bootp": hintNetwork,

	"audio": hintSound, "audiodev": hintSound, "audio-help": hintSound, "soundhw": hintSound,

	"spice": hintWindow, "curses": hintWindow, "sdl": hintWindow, "full-screen": hintWindow, "portrait": hintWindow, "rotate": hintWindow,
	"no-frame": hintWindow, "alt-grab": hintWindow, "ctrl-grab": hintWindow, "no-quit": hintWindow,
	"k": "keys of the terminal are sent as on a keyboard of the United States",

	"incoming": hintState, "loadvm": hintState, "only-migratable": hintState, "dump-vmstate": hintState, "compat": hintState,

	"mem-path": hintMemory, "mem-prealloc": hintMemory, "numa": hintMemory, "overcommit": hintMemory, "balloon": hintMemory,
	"object": "it has no objects: RAM is said by -m, -drive and -chardev stand for themselves",

	"sandbox": hintHost, "runas": hintHost, "run-with": hintHost, "chroot": hintHost, "daemonize": "start it in the background: goemu ... &",
	"add-fd": "files are named, and /dev/fd/N names an open one", "async-teardown": hintHost,

	"usb": hintUSB, "usbdevice": hintUSB,
	"fsdev": hintFS, "virtfs": hintFS,

	"tpmdev": hintNoDevice, "watchdog": hintNoDevice, "watchdog-action": hintNoDevice, "g": hintNoDevice, "sd": hintNoDevice, "mtdblock": hintNoDevice,
	"option-rom": "a display adapter's is named by -device VGA,romfile=FILE", "old-param": hintOther, "semihosting": hintOther,
	"semihosting-config": hintOther, "prom-env": hintOther, "dtb": hintOther, "shim": hintOther,

	"blockdev": hintBlock, "iscsi": hintBlock, "set": "say it where the drive or device is: -drive, -device",
	"no-fd-bootchk": hintNoChange, "win2k-hack": hintNoChange, "no-acpi": hintNoChange, "msg": hintNoChange, "enable-fips": hintNoChange,
	"preconfig": hintNoChange, "enable-sync-profile": hintNoChange, "perfmap": hintNoChange, "jitdump": hintNoChange,

	"qmp-pretty": "its JSON is for programs (-qmp)",

	"localtime": hintRTC, "startdate": hintRTC, "rtc-td-hack": hintRTC,
	"tb-size": "the translator's memory grows as it needs to", "singlestep": "-d cpu logs each block", "one-insn-per-tb": "-d cpu logs each block",
	"seed": "with -icount runs repeat, and so do random numbers", "plugin": "its packages are Go: import goemu/emu",
	"writeconfig": "write the options into a script", "qtest": "tests drive its packages in Go", "qtest-log": "tests drive its packages in Go",
}
