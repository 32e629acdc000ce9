package kvmcpu

import "fmt"

// failure is what KVM has failed at with a vCPU.
type failure struct {
	why       error // nil: nothing. KVM does not run the vCPU any more
	told      bool  // the world knows
	waits     bool  // it is told later: an access of the guest's is being answered
	emulating bool  // KVM could not emulate an instruction
}

// mostFinishes is how many runs an access may take to finish: pieces of one that crosses pages, and calls that the kernel wants to be made again.
const mostFinishes = 16

// check ends KVM's part with the vCPU by an error, if there is one.
func (e *VCPU) check(err error) (ok bool) {
	if err == nil {
		return true
	}
	if e.fail.why == nil {
		e.fail.why = err
	}
	e.giveUp()
	return false
}

// giveUp puts the state into the CPU after a failure, as well as it goes, and tells the world. An access that has been answered is finished first, as another engine would make it
// again.
func (e *VCPU) giveUp() {
	f := &e.fail
	if f.why == nil || f.told || f.waits {
		return
	}
	f.told = true
	for n := 0; e.loaded && e.unfinished && n < mostFinishes; n++ {
		e.enterOnce()
	}
	if e.unfinished && e.m.err == nil {
		e.m.err = fmt.Errorf("an access is not finished: %w", f.why) // it would be whenever the guest came back
	}
	e.unfinished = false
	lost := false
	if e.loaded {
		e.loaded = false
		if e.store() != nil {
			lost = e.store() != nil // memory may be scarce for a moment
		}
	}
	e.world.Failed(f.why, lost)
}

// lose ends the machine: KVM has not given back what no other engine can do without.
func (e *VCPU) lose(err error) {
	f := &e.fail
	if f.why == nil {
		f.why = err
	}
	f.told = true
	e.world.Failed(err, true)
}
