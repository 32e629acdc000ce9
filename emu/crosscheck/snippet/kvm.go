package snippet

import "errors"

func openKVM() (engine, error) { return nil, errors.New("kvm: not there yet") }
