package admin

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/internal/account"
	"github.com/portaria/portaria/internal/httpapi/access"
	"github.com/portaria/portaria/internal/password"
	"github.com/portaria/portaria/internal/password/legacy"
	"github.com/portaria/portaria/internal/problem"
)

// errSalt says that a salt is not hexadecimal.
var errSalt = errors.New("salt is not hexadecimal")

func (a admin) importAccounts(ctx context.Context, c access.Caller, in api.AccountImport) (api.ImportReport, error) {
	if len(in.Accounts) > api.MaxImport {
		return api.ImportReport{}, problem.Field("accounts", fmt.Sprintf("at most %d", api.MaxImport))
	}
	out := api.ImportReport{Results: make([]api.ImportResult, len(in.Accounts))}
	var list []account.Newcomer
	var of []int
	for i, given := range in.Accounts {
		n, err := newcomer(given)
		if err != nil {
			out.Results[i] = refused(err)
			continue
		}
		list, of = append(list, n), append(of, i)
	}
	arrived, err := a.Accounts.Import(ctx, list, account.Import{Wrap: password.Wrap(in.Wrap), Dry: in.DryRun, At: c.Use.At})
	if err != nil {
		return api.ImportReport{}, err
	}
	for n, i := range of {
		result := api.ImportResult{State: string(arrived[n].State)}
		if arrived[n].State == account.Refused {
			result = refused(arrived[n].Err)
		}
		result.Canonical, result.Irregular = arrived[n].Canonical, arrived[n].Irregular
		out.Results[i] = result
	}
	return out, nil
}

func newcomer(given api.ImportedAccount) (account.Newcomer, error) {
	salt, err := hex.DecodeString(given.Salt)
	if err != nil {
		return account.Newcomer{}, errSalt
	}
	n := account.Newcomer{
		ID: given.ID, Identifier: given.Identifier, Hash: legacy.Source{Text: given.PasswordHash, Salt: salt, Scheme: given.Scheme},
		CreatedAt: orZero(given.CreatedAt), VerifiedAt: orZero(given.VerifiedAt), Disabled: given.Disabled,
	}
	if len(given.Attributes) > 0 {
		n.Attributes, err = account.NewAttributes(given.Attributes)
	}
	return n, err
}

func orZero(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.UTC()
}

// refused describes why an account was not imported. The text of the hash is in none
// of these errors.
func refused(err error) api.ImportResult {
	code := "import_refused"
	for _, known := range []struct {
		err  error
		code string
	}{
		{account.ErrIdentifierTaken, "identifier_taken"}, {account.ErrIDTaken, "account_id_taken"}, {account.ErrID, "account_id_invalid"},
		{account.ErrIdentifierInvalid, "identifier_invalid"}, {account.ErrIdentifierTooLong, "identifier_too_long"}, {account.ErrAttributes, "attributes_invalid"},
		{errSalt, "salt_invalid"},
		{legacy.ErrUnknown, "hash_unknown"}, {legacy.ErrMalformed, "hash_malformed"}, {legacy.ErrTooCostly, "hash_too_costly"},
	} {
		if errors.Is(err, known.err) {
			code = known.code
		}
	}
	return api.ImportResult{State: string(account.Refused), Code: code, Detail: err.Error()}
}
