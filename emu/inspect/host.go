package inspect

// Drive is a drive and what is in it, as its user sees it.
type Drive struct {
	ID        string // of -device, else of -drive: what commands call it
	Drive     string // of -drive; "": it has none
	Device    string // of -device; "": it has none
	File      string // "": there is no medium
	Size      uint64 // of the medium, in bytes
	ReadOnly  bool
	Removable bool
	CD        bool // it has a tray
	Locked    bool // the guest forbids to take the medium out
	TrayOpen  bool
	Failed    bool // it has stopped the machine
}

// Chardev is a character device.
type Chardev struct {
	Label    string
	Filename string // what it is connected to
	Open     bool   // a front end uses it
}

// Model is a processor or a board that could be had.
type Model struct {
	Name    string
	About   string
	Default bool
}
