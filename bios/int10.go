package bios

// int10 is INT 10h, the display.
func (f *Firmware) int10(*Call) Result { return Done }

// initVideo finds the display and sets mode 3, before anything is printed.
func (f *Firmware) initVideo(*Call) {}

// teletype writes a character at the cursor of page 0 and moves it on, as INT 10h, 0Eh does.
func (f *Firmware) teletype(*Call, byte) {}
