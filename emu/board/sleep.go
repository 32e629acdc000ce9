package board

import "goemu/devices/acpipm"

// sleep is the guest's going to sleep.
func (pc *PC) sleep(s acpipm.Sleep) {
	switch {
	case s == acpipm.S3 && pc.cfg.OnSuspend != nil:
		pc.cfg.OnSuspend()
	case s != acpipm.S3 && pc.cfg.OnPowerOff != nil:
		pc.cfg.OnPowerOff()
	}
}
