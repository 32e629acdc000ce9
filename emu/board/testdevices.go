package board

import (
	"fmt"
	"strconv"
	"strings"

	"goemu/devices/edu"
	"goemu/devices/pci"
	"goemu/devices/pcitestdev"
	"goemu/devices/pctestdev"
	"goemu/devices/pvpanic"
	"goemu/mmu"
)

// testDevices are the devices for developers of systems that -device has added.
type testDevices struct {
	edu        []*edu.Device
	pcTestdev  []*pctestdev.Device
	pciTestdev []*pcitestdev.Device
	pvpanic    []*pci.Function

	pvpanicPort uint16 // 0: there is none
}

// testState is their saved state.
type testState struct {
	Edu        []edu.State
	PCTestdev  []pctestdev.State
	PCITestdev []pcitestdev.State
	Pvpanic    []pci.FunctionState
}

// addFunction puts a function on the bus where its property addr says ("5" or "5.1", in hexadecimal), else in the first free slot. The display's slot
// is left to it.
func (pc *PC) addFunction(f *pci.Function, p properties) error {
	addr := p.text("addr")
	if addr == "" {
		for slot := range uint8(32) {
			if slot != pc.chipset.vgaSlot() && pc.PCI.At(slot, 0) == nil {
				return pc.PCI.Add(slot, 0, f)
			}
		}
		return fmt.Errorf("no PCI slot is free")
	}
	slot, function, _ := strings.Cut(addr, ".")
	s, err := strconv.ParseUint(slot, 16, 8)
	n, err2 := strconv.ParseUint("0"+function, 16, 8)
	if err != nil || err2 != nil || s > 31 || n > 7 {
		return fmt.Errorf("property addr=%s: want a slot up to 1f, and a function up to 7 after a point", addr)
	}
	return pc.PCI.Add(uint8(s), uint8(n), f)
}

// addEdu is edu,dma_mask=M,addr=A.
func (pc *PC) addEdu(p properties) error {
	mask, err := p.number("dma_mask", edu.DefaultDMAMask, ^uint64(0))
	if err != nil {
		return err
	}
	d := edu.New(pc.cfg.Clock, pc.Space, mask)
	pc.edu = append(pc.edu, d)
	pc.add(d)
	return pc.addFunction(d.Function, p)
}

// addPCITestdev is pci-testdev,membar=SIZE,addr=A.
func (pc *PC) addPCITestdev(p properties) error {
	membar, err := p.number("membar", 0, 1<<62)
	if err != nil {
		return err
	}
	d, err := pcitestdev.New(membar)
	if err != nil {
		return fmt.Errorf("membar: %w", err)
	}
	pc.pciTestdev = append(pc.pciTestdev, d)
	pc.add(d)
	return pc.addFunction(d.Function, p)
}

// addPCTestdev is pc-testdev.
func (pc *PC) addPCTestdev(properties) error {
	var lines [pctestdev.NumLines]*driver
	for n := range lines {
		lines[n] = pc.drive(n)
	}
	d := pctestdev.New(func(n int, level bool) { lines[n].Set(level) }, func(page uint64) {
		if pc.Space.OnRemap != nil {
			pc.Space.OnRemap(page, 1<<mmu.PageShift)
		}
	})
	d.MapInto(pc.Ports, mmioBus{pc.Space})
	pc.pcTestdev = append(pc.pcTestdev, d)
	pc.add(d)
	return nil
}

// newPvpanic makes the register of either pvpanic.
func (pc *PC) newPvpanic(p properties) (*pvpanic.Device, error) {
	events, err := p.number("events", pvpanic.AllEvents, pvpanic.AllEvents)
	return pvpanic.New(uint8(events), func(event uint8) {
		if event&pvpanic.Panicked != 0 && pc.cfg.OnPanic != nil {
			pc.cfg.OnPanic()
		}
	}), err
}

// addPvpanic is pvpanic,ioport=P,events=E.
func (pc *PC) addPvpanic(p properties) error {
	port, err := p.number("ioport", pvpanic.DefaultPort, 0xffff)
	if err != nil {
		return err
	}
	d, err := pc.newPvpanic(p)
	if err != nil {
		return err
	}
	d.MapInto(pc.Ports, uint16(port))
	pc.pvpanicPort = uint16(port)
	return nil
}

// addPvpanicPCI is pvpanic-pci,events=E,addr=A.
func (pc *PC) addPvpanicPCI(p properties) error {
	d, err := pc.newPvpanic(p)
	if err != nil {
		return err
	}
	f := pvpanic.NewPCI(d)
	pc.pvpanic = append(pc.pvpanic, f)
	pc.add(f)
	return pc.addFunction(f, p)
}

// saveAll collects states.
func saveAll[D any, S any](all []D, save func(D) S) (states []S) {
	for _, d := range all {
		states = append(states, save(d))
	}
	return states
}

// restoreAll takes them over.
func restoreAll[D any, S any](name string, all []D, states []S, restore func(D, S) error) error {
	if len(all) != len(states) {
		return fmt.Errorf("board state is of another configuration: %d of %s, not %d", len(states), name, len(all))
	}
	for i, d := range all {
		if err := restore(d, states[i]); err != nil {
			return err
		}
	}
	return nil
}

func (pc *PC) saveTestDevices() testState {
	return testState{
		Edu:        saveAll(pc.edu, (*edu.Device).SaveState),
		PCTestdev:  saveAll(pc.pcTestdev, (*pctestdev.Device).SaveState),
		PCITestdev: saveAll(pc.pciTestdev, (*pcitestdev.Device).SaveState),
		Pvpanic:    saveAll(pc.pvpanic, (*pci.Function).SaveState),
	}
}

func (pc *PC) restoreTestDevices(s *testState) []error {
	return []error{
		restoreAll("edu", pc.edu, s.Edu, (*edu.Device).RestoreState),
		restoreAll("pc-testdev", pc.pcTestdev, s.PCTestdev, (*pctestdev.Device).RestoreState),
		restoreAll("pci-testdev", pc.pciTestdev, s.PCITestdev, (*pcitestdev.Device).RestoreState),
		restoreAll("pvpanic-pci", pc.pvpanic, s.Pvpanic, (*pci.Function).RestoreState),
	}
}
