// Package apicbus is the bus between local APICs and I/O APICs: interrupt messages one way, EOI broadcasts the other.
//
// It follows the Intel SDM vol. 3A, 11.6 (destinations) and 11.7. Arbitration is not modelled; of the
// candidates for a lowest-priority message with equal priority the first wins.
package apicbus

// Mode is a delivery mode, as in ICR, LVT and redirection entries.
type Mode uint8

// Delivery modes.
const (
	Fixed   Mode = 0
	Lowest  Mode = 1
	SMI     Mode = 2
	NMI     Mode = 4
	INIT    Mode = 5
	StartUp Mode = 6 // only from an ICR
	ExtINT  Mode = 7
)

// Shorthand is a destination shorthand of an ICR.
type Shorthand uint8

// Shorthands.
const (
	NoShorthand  Shorthand = 0
	Self         Shorthand = 1
	AllWithSelf  Shorthand = 2
	AllButSender Shorthand = 3
)

// Broadcast is the destination of all local APICs, physical or in x2APIC mode logical.
const Broadcast = 0xffff_ffff

// Physical widens the 8-bit physical destination of an xAPIC or I/O APIC, in which FFh means all.
func Physical(id uint8) uint32 {
	if id == 0xff {
		return Broadcast
	}
	return uint32(id)
}

// Message is one interrupt message.
type Message struct {
	Dest      uint32 // ID, or what logical IDs are matched with
	Logical   bool
	Shorthand Shorthand
	Mode      Mode
	Vector    uint8
	Level     bool // level-triggered
}

// Agent is a local APIC.
type Agent interface {
	// Matches tells whether a destination names this APIC.
	Matches(dest uint32, logical bool) bool
	// Priority is what lowest-priority delivery compares; an APIC that takes no fixed interrupts returns more than 255.
	Priority() int
	// Accept takes a message; it reports whether the interrupt was taken.
	Accept(m Message) bool
}

// Listener hears EOI broadcasts: an I/O APIC.
type Listener interface {
	EOI(vector uint8)
}

// Settler is a Listener that can find out what EOIs it has missed; held tells whether a vector is pending or in service.
type Settler interface {
	Settle(held func(vector uint8) bool)
}

// Lender is a Listener whose registers the host's KVM can have together with those of the local APICs.
type Lender interface {
	// Recall takes them back, if it has them.
	Recall()
}

// Bus connects the APICs of a machine.
type Bus struct {
	// Deliver may take a message of a sender that is no local APIC; done is false if it does not, and the agents are asked. Nil: they always are.
	Deliver func(m Message) (taken, done bool)

	// Heard tells that listeners miss no EOI of local APICs that are lent: they are lent too.
	Heard bool

	agents    []Agent
	listeners []Listener
}

// AddAgent puts a local APIC on the bus.
func (b *Bus) AddAgent(a Agent) { b.agents = append(b.agents, a) }

// AddListener puts an I/O APIC on the bus.
func (b *Bus) AddListener(l Listener) { b.listeners = append(b.listeners, l) }

// EOI broadcasts the end of a level-triggered interrupt.
func (b *Bus) EOI(vector uint8) {
	for _, l := range b.listeners {
		l.EOI(vector)
	}
}

// Settle tells listeners which vectors are pending or in service, after EOIs may have been missed.
func (b *Bus) Settle(held func(vector uint8) bool) {
	if b.Heard {
		return
	}
	for _, l := range b.listeners {
		if s, ok := l.(Settler); ok {
			s.Settle(held)
		}
	}
}

// Recall has listeners take their registers back: those of a local APIC are about to be.
func (b *Bus) Recall() {
	for _, l := range b.listeners {
		if s, ok := l.(Lender); ok {
			s.Recall()
		}
	}
}

// Send delivers m; sender is nil for messages that come from no local APIC. It reports whether anyone took it.
func (b *Bus) Send(sender Agent, m Message) bool {
	if sender == nil && b.Deliver != nil {
		if taken, done := b.Deliver(m); done {
			return taken
		}
	}
	if m.Mode == Lowest {
		if a := b.lowest(sender, m); a != nil {
			m.Mode = Fixed
			return a.Accept(m)
		}
		return false
	}
	taken := false
	for _, a := range b.agents {
		if addressed(sender, a, m) && a.Accept(m) {
			taken = true
		}
	}
	return taken
}

func addressed(sender, a Agent, m Message) bool {
	switch m.Shorthand {
	case Self:
		return a == sender
	case AllWithSelf:
		return true
	case AllButSender:
		return a != sender
	}
	return a.Matches(m.Dest, m.Logical)
}

func (b *Bus) lowest(sender Agent, m Message) Agent {
	var best Agent
	priority := 256
	for _, a := range b.agents {
		if addressed(sender, a, m) {
			if p := a.Priority(); p < priority {
				best, priority = a, p
			}
		}
	}
	return best
}
