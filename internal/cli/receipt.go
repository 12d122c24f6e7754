package cli

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/portaria/portaria/api"
)

// waitFor is how long --wait waits.
const waitFor = 15 * time.Second

// Confirmation are the flags of a revocation that say what to wait for and why it is made.
type Confirmation struct {
	Wait   bool   `help:"Wait up to 15 seconds for all verifiers to confirm."`
	Reason string `help:"Reason, written to the audit trail." placeholder:"TEXT"`
}

// Revoke asks the service for a revocation and returns its receipt.
func (f Confirmation) Revoke(c *Call, in api.Revoke) (api.Receipt, error) {
	admin, err := c.Operator()
	if err != nil {
		return api.Receipt{}, err
	}
	in.Reason = f.Reason
	var wait time.Duration
	if f.Wait {
		wait = waitFor
	}
	return admin.Revoke(c, in, wait)
}

// DescribeReceipt describes a receipt for people.
func DescribeReceipt(r api.Receipt) string {
	by := "rejected everywhere by " + r.EffectiveBy.UTC().Format("15:04:05Z")
	all := r.Confirmed + r.Pending + r.Silent
	var lines []string
	switch {
	case all == 0:
		lines = append(lines, by+"; no verifier follows the feed: services that verify by themselves accept the tokens until they expire")
	default:
		lines = append(lines, fmt.Sprintf("%s; %d of %s confirmed", by, r.Confirmed, verifiers(all)))
	}
	if r.Silent > 0 {
		lines = append(lines, fmt.Sprintf("offline verifiers: %d; they answer 503 until they reconnect", r.Silent))
	}
	for _, name := range r.Open {
		lines = append(lines, Printable(name)+" accepts tokens while it is offline (fail open); the bound does not hold for it")
	}
	if more := r.OpenCount - len(r.Open); more > 0 {
		lines = append(lines, fmt.Sprintf("%d more fail open", more))
	}
	lines = append(lines, "receipt "+strconv.FormatInt(r.Seq, 10))
	return strings.Join(lines, "\n")
}

func verifiers(n int) string {
	if n == 1 {
		return "1 verifier has"
	}
	return strconv.Itoa(n) + " verifiers have"
}
