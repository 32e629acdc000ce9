package inspect

// Endpoint is one end of a connection over the network.
type Endpoint struct {
	Family  string // ipv4, ipv6, unix
	Host    string // "" for unix
	Service string // the port, or the path
}

// VNC is a display over the network.
type VNC struct {
	Endpoint
	Auth    string // none, or vnc: by password
	Viewers []Endpoint
}
