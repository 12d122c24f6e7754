package revoke

// Limit lowers MaxRules for a hub, and returns what it was. Call it before Run.
func (h *Hub) Limit(most int) (before int) {
	before, h.most = h.most, most
	return before
}
