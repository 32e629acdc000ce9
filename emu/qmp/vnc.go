package qmp

import "goemu/emu/inspect"

func endpoint(e inspect.Endpoint) object {
	return object{{"family", e.Family}, {"service", e.Service}, {"host", e.Host}, {"websocket", false}}
}

// queryVNC tells of the one display that there may be.
func queryVNC(m Machine) object {
	list := m.Displays()
	if len(list) == 0 {
		return object{{"enabled", false}}
	}
	d := &list[0]
	return object{{"enabled", true}, {"auth", d.Auth}, {"family", d.Family}, {"service", d.Service}, {"host", d.Host}, {"clients", viewers(d)}}
}

func queryVNCServers(m Machine) []object {
	return list(m.Displays(), func(d inspect.VNC) object {
		server := append(endpoint(d.Endpoint), field{"auth", d.Auth})
		return object{{"id", "default"}, {"auth", d.Auth}, {"clients", viewers(&d)}, {"server", []object{server}}}
	})
}

func viewers(d *inspect.VNC) []object { return list(d.Viewers, endpoint) }
