package api

import (
	"encoding/json"
	"time"
)

// MaxImport is the greatest number of accounts in one import request.
const MaxImport = 250

// AccountImport adds accounts of another system.
type AccountImport struct {
	Accounts []ImportedAccount `json:"accounts" nullable:"false" maxItems:"250"`
	Wrap     string            `json:"wrap,omitempty" enum:"weak,all,none" doc:"Which hashes are put into an Argon2id hash at once, so that they do not rest in the database as they are: by default the weak ones."`
	DryRun   bool              `json:"dry_run,omitempty" doc:"Change nothing, and report what would be refused."`
}

// ImportedAccount is an account of another system.
type ImportedAccount struct {
	ID           string          `json:"id,omitempty" maxLength:"36" doc:"A UUID; by default a random one. Accounts that exist with the same id and identifier are left as they are, so a request can be repeated."`
	Identifier   string          `json:"identifier" maxLength:"254" doc:"The e-mail address or user name that the person signs in with. Names that sign-up refuses, such as those with blanks, are accepted."`
	PasswordHash string          `json:"password_hash,omitempty" maxLength:"2048" doc:"The hash as the other system stores it; without one the account has no password." example:"$2b$12$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW"`
	Salt         string          `json:"salt,omitempty" maxLength:"512" doc:"In hexadecimal, where the salt is not in the hash." example:"1f2e3d4c"`
	Scheme       string          `json:"scheme,omitempty" maxLength:"32" doc:"The scheme of the hash, where its text does not say enough: by default it is detected." example:"sha256-password-salt"`
	CreatedAt    *time.Time      `json:"created_at,omitempty" doc:"By default now."`
	VerifiedAt   *time.Time      `json:"verified_at,omitempty" doc:"When the owner proved to have this e-mail address."`
	Disabled     bool            `json:"disabled,omitempty" doc:"Whether the account may not sign in."`
	Attributes   json.RawMessage `json:"attributes,omitempty" doc:"A JSON object of at most 4096 bytes."`
}

// ImportReport says what became of each account of a request, in its order.
type ImportReport struct {
	Results []ImportResult `json:"results" nullable:"false"`
}

// ImportResult says what became of one account.
type ImportResult struct {
	State     string `json:"state" enum:"imported,present,refused" doc:"present: it was there before, with this id and identifier, and was not changed. With dry_run, imported says that it would be."`
	Code      string `json:"code,omitempty" doc:"Why it was refused, for programs: the code of a problem."`
	Detail    string `json:"detail,omitempty" doc:"Why it was refused."`
	Canonical string `json:"canonical,omitempty" doc:"The form in which the identifier is compared: two accounts cannot have the same."`
	Irregular bool   `json:"irregular,omitempty" doc:"Whether sign-up would refuse the identifier."`
}
