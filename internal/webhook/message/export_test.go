package message

import "github.com/portaria/portaria/internal/event"

// Claims are the kind, and the subject and content, of an event as a token.
func Claims(issuer string, e event.Event) (kind string, subject, content any) {
	kind, content = securityEventOf(e)
	return kind, subjectOf(issuer, e), content
}
