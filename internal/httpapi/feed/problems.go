package feed

import (
	"net/http"

	"github.com/portaria/portaria/internal/feed"
	"github.com/portaria/portaria/internal/problem"
	"github.com/portaria/portaria/internal/revoke"
	"github.com/portaria/portaria/internal/revoke/fleet"
)

// Problems are the rows of the errors of the revocation log and its feed.
func Problems() []problem.Row {
	return []problem.Row{
		{Err: revoke.ErrEntry, Status: http.StatusUnprocessableEntity, Code: "revocation_invalid",
			Title: "The revocation is invalid.", Detail: "Name one target, and the mode hard or soft."},
		{Err: revoke.ErrTarget, Status: http.StatusNotFound, Code: "revocation_target_unknown",
			Title: "The target of the revocation does not exist.", Detail: `Nothing was revoked. Check the name. With "unseen": true the rule is written nevertheless.`},
		{Err: revoke.ErrIdempotency, Status: http.StatusUnprocessableEntity, Code: "idempotency_key_reused",
			Title: "This idempotency key was used for another target.", Detail: "Use a new key for each revocation."},
		{Err: revoke.ErrPlace, Status: http.StatusUnprocessableEntity, Code: "revocation_position_invalid",
			Title: "There is no such position in the revocation log.", Detail: "Use a position that the service returned."},
		feed.LeaseTooLong(fleet.ErrStaleness),
		{Err: fleet.ErrRuleNotFound, Status: http.StatusNotFound, Code: "rule_not_found", Title: "There is no such rule, or it was pruned.", Detail: "Check the number. A pruned rule is about expired tokens only."},
		{Err: fleet.ErrTooManyVerifiers, Status: http.StatusServiceUnavailable, Code: "too_many_verifiers",
			Title: "Too many verifiers follow the revocation log.", Detail: "Let a gateway serve the feed to the services behind it."},
		{Err: revoke.ErrAhead, Status: http.StatusConflict, Code: "revocation_position_ahead",
			Title: "The position is after the end of the revocation log.", Detail: "Fetch a snapshot."},
		{Err: revoke.ErrTooManyRules, Status: http.StatusServiceUnavailable, Code: "too_many_rules",
			Title: "The revocation log is too large for this process.", Detail: "Tell the operator. The log of the service gives the reason."},
	}
}
