package crosscheck

import "sync"

// input is what was typed at one point.
type input struct {
	insns int64
	bytes []byte
}

// inputs is what is typed into the guest: it is taken in at points by the first machine of the first run, and given to all others at the same points.
type inputs struct {
	src <-chan []byte // what is typed now

	mu   sync.Mutex
	news sync.Cond
	list []input
	upto int64 // the first machine has come as far
	over bool  // it has ended
}

// newInputs makes inputs from what comes on a channel; nil: nothing is typed.
func newInputs(src <-chan []byte) *inputs {
	if src == nil {
		return nil
	}
	i := &inputs{src: src, upto: -1}
	i.news.L = &i.mu
	return i
}

// feed gives a side what is typed at a point.
func (i *inputs) feed(s *side, n int64) {
	if i == nil {
		return
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	if s.live && n > i.upto {
		select {
		case p := <-i.src:
			if len(p) > 0 {
				i.list = append(i.list, input{n, p})
			}
		default:
		}
		i.upto = n
		i.news.Broadcast()
	}
	for i.upto < n && !i.over {
		i.news.Wait()
	}
	for s.fed < len(i.list) && i.list[s.fed].insns <= n {
		s.w.Type(i.list[s.fed].bytes)
		s.fed++
	}
}

// end says that nothing more is typed.
func (i *inputs) end() {
	if i == nil {
		return
	}
	i.mu.Lock()
	i.over = true
	i.news.Broadcast()
	i.mu.Unlock()
}
