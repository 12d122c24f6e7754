package account

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"
	"golang.org/x/text/unicode/norm"

	"github.com/portaria/portaria/internal/password"
	"github.com/portaria/portaria/internal/password/legacy"
)

var (
	// ErrIDTaken says that an account to import has the id of another one.
	ErrIDTaken = errors.New("account id taken")
	// ErrID says that the id of an account to import is no UUID. Other text could be
	// mistaken for the id of a client.
	ErrID = errors.New("account id is not a UUID")
)

// MaxID is the length of an account id in characters.
const MaxID = 36

// ReasonImport is the reason of the event of an account that was imported.
const ReasonImport = "import"

// Newcomer is an account of another system.
type Newcomer struct {
	// ID is a UUID; empty makes one.
	ID string
	// Identifier is as its owner wrote it. Text that Canonical refuses is accepted if
	// it can be compared.
	Identifier string
	// Hash is the password's; without a text the account has no password.
	Hash legacy.Source
	// CreatedAt and VerifiedAt are zero where they are not known.
	CreatedAt, VerifiedAt time.Time
	Disabled              bool
	Attributes            Attributes
}

// ImportState says what became of a Newcomer.
type ImportState string

// The states of an import.
const (
	// Imported: the account exists now.
	Imported ImportState = "imported"
	// Present: the account was there before, with the same id and identifier. It was
	// not changed.
	Present ImportState = "present"
	// Refused: Arrival.Err is the reason.
	Refused ImportState = "refused"
)

// Arrival says what became of one Newcomer.
type Arrival struct {
	State ImportState
	// Err is the reason of Refused: ErrIdentifierTaken, ErrIDTaken, ErrID, and those of
	// Comparable, NewAttributes and legacy.Parse.
	Err error
	// Canonical is the form in which its identifier is compared.
	Canonical string
	// Irregular reports that sign-up would refuse the identifier.
	Irregular bool
}

// Import says how accounts are imported.
type Import struct {
	Wrap password.Wrap
	// Dry changes nothing: it reports what would be refused.
	Dry bool
	At  time.Time
}

// Comparable is Canonical for accounts of other systems. It also accepts names that
// sign-up refuses, such as those with blanks; irregular reports one. Such a name is
// compared without regard to case, width and repeated blanks.
func Comparable(typed string) (canonical string, irregular bool, err error) {
	canonical, err = Canonical(typed)
	if !errors.Is(err, ErrIdentifierInvalid) {
		return canonical, false, err
	}
	if canonical, err = irregularForm(typed); err != nil {
		return "", false, err
	}
	// What folds to a regular name is that name, for everybody.
	if regular, err := Canonical(canonical); err == nil {
		return regular, false, nil
	}
	if again, err := irregularForm(canonical); err != nil || again != canonical {
		return "", false, ErrIdentifierInvalid
	}
	return canonical, true, nil
}

func irregularForm(typed string) (string, error) {
	s := Display(typed)
	if s == "" || tooLong(s) || !utf8.ValidString(s) || strings.ContainsFunc(s, hidden) {
		return "", ErrIdentifierInvalid
	}
	s = strings.Join(strings.Fields(strings.ToLower(norm.NFKC.String(s))), " ")
	if s == "" || tooLong(s) || uuid.Validate(s) == nil {
		return "", ErrIdentifierInvalid
	}
	return s, nil
}

// hidden finds characters that nobody sees: a name must not look like another one
// because of them.
func hidden(r rune) bool {
	return r == utf8.RuneError || unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co, unicode.Cs, unicode.Zl, unicode.Zp) && r != '\t'
}

// Import adds accounts of another system, with the hashes that they have. Accounts
// that exist are never changed. The step is atomic: after an error, none of them was
// added. Result i is about list i.
func (d *Directory) Import(ctx context.Context, list []Newcomer, im Import) ([]Arrival, error) {
	out, accounts := make([]Arrival, len(list)), make([]Account, len(list))
	if err := d.prepare(ctx, list, im, accounts, out); err != nil {
		return nil, err
	}
	var ready []Account
	var of []int
	for i, a := range accounts {
		if out[i].State != Refused {
			ready, of = append(ready, a), append(of, i)
		}
	}
	if len(ready) == 0 {
		return out, nil
	}
	errs, err := d.store.ImportAccounts(ctx, ready, im.At.Truncate(time.Millisecond), im.Dry)
	if err != nil {
		return nil, fmt.Errorf("import accounts: %w", err)
	}
	for n, i := range of {
		switch {
		case errs[n] == nil:
			out[i].State = Imported
		case errors.Is(errs[n], ErrPresent):
			out[i].State = Present
		default:
			out[i].State, out[i].Err = Refused, errs[n]
		}
	}
	return out, nil
}

// prepare checks each newcomer and wraps weak hashes, as many at a time as the
// hasher computes.
func (d *Directory) prepare(ctx context.Context, list []Newcomer, im Import, accounts []Account, out []Arrival) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	next := make(chan int)
	var workers sync.WaitGroup
	for range min(d.hasher.Slots(), len(list)) {
		workers.Go(func() {
			for i := range next {
				a, arrival, err := d.arrive(ctx, list[i], im)
				if err != nil {
					stop(err)
				}
				accounts[i], out[i] = a, arrival
			}
		})
	}
	for i := range list {
		select {
		case next <- i:
			continue
		case <-ctx.Done():
		}
		break
	}
	close(next)
	workers.Wait()
	return context.Cause(ctx)
}

// arrive makes an account of a newcomer. A fault of the newcomer is in the arrival,
// and err is what ends the import.
func (d *Directory) arrive(ctx context.Context, n Newcomer, im Import) (a Account, out Arrival, err error) {
	refuse := func(err error) (Account, Arrival, error) {
		return Account{}, Arrival{State: Refused, Err: err, Canonical: out.Canonical, Irregular: out.Irregular}, nil
	}
	if out.Canonical, out.Irregular, err = Comparable(n.Identifier); err != nil {
		return refuse(err)
	}
	id := uuid.NewString()
	if n.ID != "" {
		parsed, err := uuid.Parse(n.ID)
		if err != nil || len(n.ID) != len(id) {
			return refuse(ErrID)
		}
		id = parsed.String()
	}
	if len(n.Attributes) > MaxAttributes {
		return refuse(ErrAttributes)
	}
	created := n.CreatedAt
	if created.IsZero() || created.After(im.At) {
		created = im.At
	}
	a = Account{
		ID: id, Identifier: Display(n.Identifier), Canonical: out.Canonical, VerifiedAt: n.VerifiedAt.Truncate(time.Millisecond), Attributes: n.Attributes,
		CreatedAt: created.Truncate(time.Millisecond), PasswordChangedAt: created.Truncate(time.Millisecond),
	}
	if n.Disabled {
		a.DisabledAt = im.At.Truncate(time.Millisecond)
	}
	if n.Hash.Text == "" {
		return a, out, nil
	}
	if im.Dry {
		_, err = legacy.Parse(n.Hash)
	} else {
		a.PasswordHash, err = d.hasher.Accept(ctx, n.Hash, im.Wrap)
	}
	if errors.Is(err, legacy.ErrUnknown) || errors.Is(err, legacy.ErrMalformed) || errors.Is(err, legacy.ErrTooCostly) {
		return refuse(err)
	}
	return a, out, err
}
