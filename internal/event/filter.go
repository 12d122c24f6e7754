package event

import "slices"

// Match reports whether an event is one that the filter lets through.
func (f Filter) Match(e Event) bool {
	return (len(f.Types) == 0 || slices.Contains(f.Types, e.Type)) &&
		(f.AccountID == "" || f.AccountID == e.AccountID) &&
		(f.SessionID == "" || f.SessionID == e.SessionID) &&
		(f.ClientID == "" || f.ClientID == e.ClientID) &&
		!e.At.Before(f.Since) && (f.Until.IsZero() || e.At.Before(f.Until))
}
