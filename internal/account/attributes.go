package account

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/portaria/portaria/internal/strictjson"
)

// MaxAttributes is the greatest length of Attributes, in bytes.
const MaxAttributes = 4 << 10

// ErrAttributes says that attributes are no JSON object, or longer than
// MaxAttributes.
var ErrAttributes = errors.New("attributes invalid")

// Attributes is a JSON object that administrators keep about an account; empty for
// none. Make it with NewAttributes.
type Attributes string

// NewAttributes returns a JSON object in its shortest form. An empty object is the
// same as none. Errors: ErrAttributes.
func NewAttributes(object []byte) (Attributes, error) {
	if len(object) > MaxAttributes {
		return "", fmt.Errorf("%w: longer than %d bytes", ErrAttributes, MaxAttributes)
	}
	members, err := strictjson.Parse(object)
	if err != nil {
		return "", fmt.Errorf("%w: must be a JSON object: %w", ErrAttributes, err)
	}
	if len(members) == 0 {
		return "", nil
	}
	var short bytes.Buffer
	if err := json.Compact(&short, object); err != nil {
		return "", fmt.Errorf("%w: %w", ErrAttributes, err)
	}
	return Attributes(short.String()), nil
}
