package revoke

// Subscription is one follower of the hub. Close it.
type Subscription struct {
	hub     *Hub
	batches chan *Batch
}

// Subscribe answers the view, and a subscription to every batch after it. It
// is ended at once when the hub has.
func (h *Hub) Subscribe() (*View, *Subscription) {
	s := &Subscription{hub: h, batches: make(chan *Batch, buffered)}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		close(s.batches)
	} else {
		h.subs[s] = struct{}{}
	}
	return h.View(), s
}

// Batches follow each other without a gap. The channel is closed when the
// follower was too slow, when the epoch rose or when the hub ended: it then
// comes back and says how far it has come.
func (s *Subscription) Batches() <-chan *Batch { return s.batches }

// Close ends the subscription; closing twice does no harm.
func (s *Subscription) Close() {
	s.hub.mu.Lock()
	defer s.hub.mu.Unlock()
	s.drop()
}

// offer never waits: one slow follower must not keep the others waiting.
func (s *Subscription) offer(b *Batch) {
	select {
	case s.batches <- b:
	default:
		s.drop()
	}
}

func (s *Subscription) drop() {
	if _, ok := s.hub.subs[s]; ok {
		delete(s.hub.subs, s)
		close(s.batches)
	}
}

func (h *Hub) dropAll() {
	for s := range h.subs {
		s.drop()
	}
}

func (h *Hub) end() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
	h.dropAll()
}

// Followers is how many subscriptions there are.
func (h *Hub) Followers() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.subs)
}
