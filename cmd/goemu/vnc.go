package main

import (
	"goemu/emu"
	"goemu/emu/vnc"
)

// setVNC is -vnc; the last counts.
func (s *settings) setVNC(v string) error {
	o, ok, err := vnc.Parse(v)
	if s.vnc = nil; ok {
		s.vnc = &o
	}
	return err
}

// serveVNC shows the machine to viewers until the end that it gives is called.
func (s *settings) serveVNC(m *emu.Machine) (end func(), err error) {
	if s.vnc == nil {
		return func() {}, nil
	}
	server, err := vnc.Listen(*s.vnc, s.cfg.Name)
	if err != nil {
		return nil, err
	}
	// What could fail at the end concerns nobody any more.
	end = func() { _ = server.Close() }
	if err := server.Start(m); err != nil {
		end()
		return nil, err
	}
	m.SetRemoteDisplay(server)
	return end, nil
}
