// Package inspect is what there is to see of a machine, and its text: registers, memory, translations, devices, and what happens.
//
// It has types only: no machine, no state. *emu.Machine fills them (docs/frontend.md); monitors, debuggers and displays show them. Text that scripts read
// has the form of QEMU's monitor. Names follow the SDM.
package inspect
