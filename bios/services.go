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
		"post":  {run: (*Firmware).post, live: true, waits: true},
		"int10": {run: (*Firmware).int10},
	}
}
