package rules

// NewSetOf returns a set with a lower limit than Max.
func NewSetOf(most int) *Set {
	s := NewSet()
	s.most = most
	return s
}
