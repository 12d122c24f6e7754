package clients

import (
	"iter"
	"strings"
)

// Fault describes the fault of one field of a client. It never holds the value, which
// may be a misplaced key.
type Fault struct {
	// Field is its name in the API and in the settings, such as access_ttl.
	Field  string
	Detail string
}

// Faults are all faults of the description of a client. They are an ErrInvalid.
type Faults []Fault

// Error lists the faults.
func (f Faults) Error() string {
	texts := make([]string, len(f))
	for i, fault := range f {
		texts[i] = fault.Field + ": " + fault.Detail
	}
	return ErrInvalid.Error() + ": " + strings.Join(texts, "; ")
}

// Is makes Faults an ErrInvalid.
func (f Faults) Is(target error) bool { return target == ErrInvalid }

// Fields yields each field with its fault.
func (f Faults) Fields() iter.Seq2[string, string] {
	return func(yield func(field, detail string) bool) {
		for _, fault := range f {
			if !yield(fault.Field, fault.Detail) {
				return
			}
		}
	}
}

// add notes a fault unless detail is empty.
func (f *Faults) add(field, detail string) {
	if detail != "" {
		*f = append(*f, Fault{field, detail})
	}
}

// err is nil where nothing is wrong.
func (f Faults) err() error {
	if len(f) == 0 {
		return nil
	}
	return f
}
