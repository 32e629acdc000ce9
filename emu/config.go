package emu

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"goemu/emu/board"
	"goemu/emu/chardev"
	"goemu/emu/debuglog"
	"goemu/emu/trace"
)

// Config describes a machine. The zero Config is a PC of 128 MiB that runs the built-in guest.
type Config struct {
	Machine    string // board: see MachineHelp; "": the default
	NoHPET     bool   // the board has no HPET
	NoSMM      bool   // nothing raises system management interrupts
	NoGraphics bool   // firmware is told to use the serial port

	Memory  uint64 // RAM in bytes; 0: 128 MiB
	Accel   Accel
	IRQChip IRQChip // what KVM has of the interrupt controllers
	CPU     string  // as -cpu has it: see cpumodel.Parse; "": the default model

	CPUs    int // vCPUs; 0: 1
	Cores   int // of each socket; 0: CPUs
	Threads int // of each core; 0: 1

	Firmware     string                   // image of the firmware; "": the built-in one
	FirmwareDirs []string                 // where to look for images that are not where their name says, before the usual directories
	Pflash       [board.FlashChips]string // drives that are flash chips, by id; see also Drives
	Boot         BootOptions
	FwCfg        []string // each as -fw_cfg has it: "name=opt/...,string=..." or "...,file=..."

	Kernel string // file to boot directly; "": the built-in guest
	Initrd string // initial RAM disk, or for multiboot "file args,file2 args"
	Append string // kernel command line

	PowerOn bool // the built-in firmware boots, though there may be nothing to boot from

	// ConsoleIn and ConsoleOut stand for the terminal, wherever "stdio" is named. Both nil: standard input and output.
	// A reader is read from until it fails, if need be beyond the end of Run.
	ConsoleIn  io.Reader
	ConsoleOut io.Writer

	NoDefaults bool          // no devices but those asked for
	NoVGA      bool          // no display adapter but what Devices has
	Serial     []string      // COM1, COM2: see chardev.Parse; nil: stdio for COM1
	Parallel   []string      // LPT1: see chardev.Parse; nil: a printer whose output is lost
	Chardevs   []string      // each as -chardev has it: see chardev.ParseOption
	Debugcon   string        // -debugcon: see chardev.Parse; "": none
	Display    string        // "tui": the terminal is taken by emu/tui; "none", "": it is free
	Monitor    []string      // for people: see chardev.Parse; none: only by Ctrl-A c on a terminal
	QMP        []string      // for programs: see chardev.Parse
	Escape     byte          // the key before commands to goemu on a terminal; 0: Ctrl-A
	Mon        []string      // each as -mon has it: "[chardev=]ID[,mode=readline|control]"
	GDB        string        // for gdb: see chardev.Parse; "", "none": none. "tcp:" waits for clients, without holding up the machine
	Stdout     io.Writer     // is told where pseudo terminals are, as scripts look for it; nil: nobody is
	Stderr     io.Writer     // is told for whom the machine waits; nil: nobody is
	Devices    []string      // each as -device has it: "name,prop=value,..."
	Drives     []string      // each as -drive has it: "prop=value,..."; a comma in a value is doubled
	DriveNames []string      // what errors call them; those that have none: "-drive" and the value
	Ports      []PortHandler // ports that the program answers, which no device has
	Snapshot   bool          // what the guest writes to drives is lost at the end, as with snapshot=on for each

	// VC makes what shows "vc"; nil: nothing does, and the newest output is kept.
	VC func(name string) chardev.Source

	Interactive bool // the built-in guest ends in its monitor instead of powering off

	Name       string   // the machine's, for its user
	UUID       string   // as -uuid has it; "": none
	SMBIOS     []string // each as -smbios has it
	ACPITables []string // each as -acpitable has it
	Globals    []string // each as -global has it

	RTCBase      time.Time // what the real-time clock shows at power-on; zero: the host's time, in UTC
	RTCLocal     bool      // with RTCBase zero: the host's time in its zone
	RTCGuestTime bool      // the real-time clock stands still with the machine; else only with Icount
	RTCHostTime  bool      // it follows the host with Icount too

	Stopped    bool        // the vCPUs wait for Continue (-S)
	NoReboot   bool        // a reset or triple fault is a shutdown
	NoShutdown bool        // a guest that powers off leaves the machine stopped; Quit ends it
	Panic      PanicAction // what follows when the guest panics

	Icount  bool // guest time follows the instructions executed
	Shift   uint // with Icount: one instruction takes 2^Shift ns
	NoSleep bool // with Icount: skip idle time instead of waiting it out

	Log   *debuglog.Log
	Trace *trace.Trace // -trace

	KVMModel bool // the CPU model is cut to what this host's KVM offers, as with AccelKVM

	Watch *Watch // for package crosscheck; nil: nobody watches. It needs Icount.
}

// PanicAction is what follows when the guest says that it has panicked.
type PanicAction int

// Actions.
const (
	PanicFail     PanicAction = iota // the machine ends with an error, status 1 (exit-failure)
	PanicShutdown                    // it ends as if the guest had powered off
	PanicPause                       // it stops
	PanicNone                        // it goes on
)

// ParseProps reads "prop=value,..." into props. A doubled comma stands for one in a value.
func ParseProps(what, s string, props map[string]string) error {
	if s == "" {
		return nil
	}
	const comma = "\x00"
	for _, p := range strings.Split(strings.ReplaceAll(s, ",,", comma), ",") {
		k, v, ok := strings.Cut(strings.ReplaceAll(p, comma, ","), "=")
		if !ok || k == "" {
			return fmt.Errorf("%s: %q is not prop=value", what, p)
		}
		if _, twice := props[k]; twice {
			return fmt.Errorf("%s: %s is given twice", what, k)
		}
		props[k] = v
	}
	return nil
}

// ParseSize reads a size with an optional suffix B, K, M, G or T (powers of 1024). Without one it counts units of unit bytes.
func ParseSize(s string, unit uint64) (uint64, error) {
	digits, mul := s, unit
	if n := len(s); n > 0 {
		if i := strings.IndexByte("BKMGT", s[n-1]&^0x20); i >= 0 && (s[n-1]|0x20) >= 'a' {
			digits, mul = s[:n-1], 1<<(10*i)
		}
	}
	v, err := strconv.ParseFloat(digits, 64)
	if err != nil || v < 0 || v*float64(mul) >= 1<<62 {
		return 0, fmt.Errorf("%q is not a size (number with suffix K, M, G or T)", s)
	}
	return uint64(v * float64(mul)), nil
}
