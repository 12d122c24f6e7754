package sqlstore

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/portaria/portaria/internal/session"
	"github.com/portaria/portaria/internal/store/sqlstore/query"
)

// proof is a session.Proof as the column keeps it.
type proof struct {
	Method string `json:"method"`
	At     int64  `json:"at"`
}

func proofsText(proofs session.Proofs) (string, error) {
	list := make([]proof, len(proofs))
	for i, p := range proofs {
		list[i] = proof{p.Method, millis(p.At)}
	}
	text, err := json.Marshal(list)
	return string(text), err
}

// oldMethod is what the version before this one reads.
func oldMethod(proofs session.Proofs) string { return strings.Join(proofs.AMR(), " ") }

// toProofs reads the proofs of a session. The version before this one writes
// method and auth_time alone. So a later auth_time is one more proof by that
// method.
func toProofs(row query.Session) (session.Proofs, error) {
	var list []proof
	if row.Proofs != "" {
		if err := json.Unmarshal([]byte(row.Proofs), &list); err != nil {
			return nil, fmt.Errorf("session %s: proofs: %w", row.ID, err)
		}
	}
	var proofs session.Proofs
	for _, p := range list {
		proofs = append(proofs, session.Proof{Method: p.Method, At: moment(p.At)})
	}
	if last := moment(row.AuthTime); len(list) == 0 || last.After(proofs.AuthTime()) {
		method, _, _ := strings.Cut(row.Method, " ")
		proofs = proofs.With(method, last)
	}
	return proofs, nil
}
