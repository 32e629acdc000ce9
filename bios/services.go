package bios

// service is what a stub of the ROM calls.
type service struct {
	run   func(*Firmware, *Call) Result
	live  bool // it returns with flags as they are, not by IRET
	waits bool // it may return Again
}

// services are all services, by the label of their stub in rom/.
var services map[string]service

func init() {
	services = map[string]service{
		// From power-on to the boot sector.
		"post":  {run: (*Firmware).post, live: true, waits: true},
		"back":  {run: (*Firmware).postBack, live: true},
		"int18": {run: (*Firmware).int18, live: true, waits: true},
		"int19": {run: (*Firmware).int19, live: true, waits: true},

		// Software interrupts.
		"int10": {run: (*Firmware).serialDisplay},
		"int11": {run: (*Firmware).int11},
		"int12": {run: (*Firmware).int12},
		"int13": {run: (*Firmware).int13, waits: true},
		"int14": {run: (*Firmware).int14, waits: true},
		"int15": {run: (*Firmware).int15, waits: true},
		"int16": {run: (*Firmware).int16, waits: true},
		"int17": {run: (*Firmware).int17, waits: true},
		"int1a": {run: (*Firmware).int1a},

		// Hardware interrupts.
		"int08.tick":  {run: (*Firmware).tick, live: true},
		"int09.key":   {run: (*Firmware).keyInterrupt, live: true},
		"int09.pause": {run: (*Firmware).keyPaused, live: true, waits: true},
		"int70.tick":  {run: (*Firmware).clockInterrupt, live: true},
		"int74.byte":  {run: (*Firmware).mouseInterrupt, live: true},

		// Entries that are called.
		"bios32":    {run: (*Firmware).bios32, live: true},
		"pcibios32": {run: (*Firmware).pciBIOS32, live: true},
		"apm16":     {run: (*Firmware).apmEntry, live: true, waits: true},
		"apm32":     {run: (*Firmware).apmEntry, live: true, waits: true},
		"pmm_entry": {run: (*Firmware).pmm, live: true},
	}
}

// int11 is INT 11h, the equipment word.
func (f *Firmware) int11(c *Call) Result {
	c.SetR16(AX, c.Word(bdaEquipment))
	return Done
}

// int12 is INT 12h, the size of conventional memory in KiB.
func (f *Firmware) int12(c *Call) Result {
	c.SetR16(AX, c.Word(bdaMemory))
	return Done
}
