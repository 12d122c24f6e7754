package session

import (
	"slices"
	"time"
)

// The methods of a Proof, as amr values (RFC 8176).
const (
	// MethodPassword is a password.
	MethodPassword = "pwd"
)

// The authentication contexts that ACR reports, after the assurance levels of NIST
// SP 800-63B.
const (
	// OneFactor is one proved credential.
	OneFactor = "aal1"
	// SeveralFactors is proved credentials of different kinds.
	SeveralFactors = "aal2"
)

// Proof is a credential that the owner of a session has proved.
type Proof struct {
	// Method is how, as an amr value (RFC 8176).
	Method string `json:"method"`
	// At is when.
	At time.Time `json:"at"`
}

// Proofs are what the owner of a session has proved: each method once, with the
// last time. What tokens say about authentication is computed from them.
type Proofs []Proof

// With returns the proofs after one more. The receiver stays as it is.
func (p Proofs) With(method string, at time.Time) Proofs {
	kept := slices.DeleteFunc(slices.Clone(p), func(old Proof) bool { return old.Method == method })
	return append(kept, Proof{Method: method, At: at})
}

// AMR returns the methods, in the order of their last proof (amr).
func (p Proofs) AMR() []string {
	var methods []string
	for _, proof := range p {
		methods = append(methods, proof.Method)
	}
	return methods
}

// AuthTime returns when a credential was last proved (auth_time); zero for never.
func (p Proofs) AuthTime() time.Time {
	var last time.Time
	for _, proof := range p {
		if proof.At.After(last) {
			last = proof.At
		}
	}
	return last
}

// ACR returns the authentication context (acr): SeveralFactors after proofs of two
// different methods, OneFactor after one, and empty after none.
func (p Proofs) ACR() string {
	switch len(p) {
	case 0:
		return ""
	case 1:
		return OneFactor
	}
	return SeveralFactors
}
