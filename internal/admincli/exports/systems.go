package exports

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/portaria/portaria/api"
)

// system is a kind of export.
type system struct {
	// list is the member that holds the accounts, where a document is an object.
	list string
	// strict refuses columns that are not in the generic form.
	strict bool
	read   func(record, Options) (api.ImportedAccount, error)
}

func systems() map[string]system {
	return map[string]system{
		"":         {strict: true, read: generic},
		"auth0":    {read: auth0},
		"cognito":  {list: "Users", read: cognito},
		"django":   {read: django},
		"firebase": {list: "users", read: firebase},
		"flask":    {read: flask},
		"keycloak": {list: "users", read: keycloak},
		"supabase": {read: supabase},
	}
}

// names are what a system calls the members that most systems have.
type names struct {
	identifier []string
	id         string
	created    string
	// verified is true, or the moment when the address was verified.
	verified string
	// active is true for an account that may sign in; disabled for one that may not.
	active, disabled string
}

func (n names) read(r record, o Options) (a api.ImportedAccount, err error) {
	if o.Identifier != "" {
		n.identifier = []string{o.Identifier}
	}
	a.Identifier = r.text(n.identifier...)
	if a.CreatedAt, err = r.time(n.created); err != nil {
		return a, err
	}
	if err := n.verify(r, o, &a); err != nil {
		return a, err
	}
	if n.active != "" {
		active, err := r.bool(n.active, true)
		if err != nil {
			return a, err
		}
		a.Disabled = !active
	}
	if n.disabled != "" {
		if a.Disabled, err = r.bool(n.disabled, false); err != nil {
			return a, err
		}
	}
	return a, oldID(&a, r.text(n.id), true)
}

// verify dates a verification without a date when the account was created. Only an
// address is verified.
func (n names) verify(r record, o Options, a *api.ImportedAccount) (err error) {
	if n.verified == "" || !strings.Contains(a.Identifier, "@") {
		return nil
	}
	verified, err := r.bool(n.verified, false)
	if err != nil {
		a.VerifiedAt, err = r.time(n.verified)
		return err
	}
	if verified {
		a.VerifiedAt = a.CreatedAt
		if a.VerifiedAt == nil {
			a.VerifiedAt = &o.Now
		}
	}
	return nil
}

// auth0 reads the export of users with password hashes: JSON lines.
func auth0(r record, o Options) (api.ImportedAccount, error) {
	if id, ok := r["_id"].(map[string]any); ok {
		r["user_id"] = or(r.text("user_id"), record(id).text("$oid"))
	}
	a, err := names{identifier: []string{"email", "Email", "username"}, id: "user_id", created: "created_at", verified: "email_verified", disabled: "blocked"}.read(r, o)
	a.PasswordHash = r.text("passwordHash", "password_hash")
	return a, err
}

// cognito reads the answer of ListUsers. Cognito exports no hashes.
func cognito(r record, o Options) (api.ImportedAccount, error) {
	for _, list := range []string{"Attributes", "UserAttributes"} {
		attributes, _ := r[list].([]any)
		for _, item := range attributes {
			if pair, ok := item.(map[string]any); ok {
				r[record(pair).text("Name")] = pair["Value"]
			}
		}
	}
	return names{identifier: []string{"email", "Username", "cognito:username"}, id: "sub", created: "UserCreateDate", verified: "email_verified", active: "Enabled"}.read(r, o)
}

// django reads `manage.py dumpdata auth.user`.
func django(r record, o Options) (api.ImportedAccount, error) {
	if fields, ok := r["fields"].(map[string]any); ok {
		id := r["pk"]
		r = fields
		r["id"] = id
	}
	a, err := names{identifier: []string{"username", "email"}, id: "id", created: "date_joined", active: "is_active"}.read(r, o)
	// Django marks an account without a password by "!".
	if hash := r.text("password"); !strings.HasPrefix(hash, "!") {
		a.PasswordHash = hash
	}
	return a, err
}

// flask reads a table of Flask-Security, or of a program of one's own.
func flask(r record, o Options) (api.ImportedAccount, error) {
	active := "active"
	if _, ok := r["is_active"]; ok {
		active = "is_active"
	}
	a, err := names{identifier: []string{"email", "username"}, id: "id", created: "created_at", verified: "confirmed_at", active: active}.read(r, o)
	a.PasswordHash, a.Salt, a.Scheme = r.text("password_hash", "pw_hash", "password"), r.text("salt"), r.text("scheme")
	return a, err
}

// keycloak reads a realm export with users.
func keycloak(r record, o Options) (api.ImportedAccount, error) {
	a, err := names{identifier: []string{"username", "email"}, id: "id", created: "createdTimestamp", verified: "emailVerified", active: "enabled"}.read(r, o)
	if err != nil {
		return a, err
	}
	list, _ := r["credentials"].([]any)
	for _, item := range list {
		credential, _ := item.(map[string]any)
		switch kind := record(credential).text("type"); kind {
		case "password":
			hash, err := json.Marshal(map[string]any{"secretData": credential["secretData"], "credentialData": credential["credentialData"]})
			if err != nil {
				return a, err
			}
			a.PasswordHash = string(hash)
		default:
			return a, fmt.Errorf("credential of type %q cannot be imported; remove it to import the account without", kind)
		}
	}
	return a, nil
}

// supabase reads the table auth.users.
func supabase(r record, o Options) (api.ImportedAccount, error) {
	a, err := names{identifier: []string{"email", "phone"}, id: "id", created: "created_at", verified: "email_confirmed_at"}.read(r, o)
	a.PasswordHash = r.text("encrypted_password")
	a.Disabled = r.text("banned_until", "deleted_at") != ""
	return a, err
}

// HashConfig are the parameters of a Firebase project, as its console shows them.
type HashConfig struct {
	signerKey, separator string
	rounds, memory       int
}

// MaxHashConfig is the length of the longest text that ReadHashConfig reads.
const MaxHashConfig = 4096

// ReadHashConfig reads the parameters: lines of a name, a colon and a value.
func ReadHashConfig(in io.Reader) (HashConfig, error) {
	c := HashConfig{}
	lines := bufio.NewScanner(io.LimitReader(in, MaxHashConfig))
	for lines.Scan() {
		name, value, _ := strings.Cut(strings.TrimSpace(lines.Text()), ":")
		value = strings.TrimRight(strings.TrimSpace(value), ",")
		switch strings.TrimSpace(name) {
		case "base64_signer_key":
			c.signerKey = value
		case "base64_salt_separator":
			c.separator = value
		case "rounds":
			c.rounds, _ = strconv.Atoi(value)
		case "mem_cost":
			c.memory, _ = strconv.Atoi(value)
		}
	}
	if err := lines.Err(); err != nil {
		return c, err
	}
	if c.signerKey == "" || c.separator == "" || c.rounds == 0 || c.memory == 0 {
		return c, fmt.Errorf("%w: the hash parameters of Firebase need base64_signer_key, base64_salt_separator, rounds and mem_cost", ErrFormat)
	}
	return c, nil
}

// firebase reads the file of `firebase auth:export`.
func firebase(r record, o Options) (api.ImportedAccount, error) {
	a, err := names{identifier: []string{"email", "phoneNumber"}, id: "localId", created: "createdAt", verified: "emailVerified", disabled: "disabled"}.read(r, o)
	hash := r.text("passwordHash")
	if err != nil || hash == "" {
		return a, err
	}
	if o.Firebase.signerKey == "" {
		return a, fmt.Errorf("its hash needs the hash parameters of the project")
	}
	standard := strings.NewReplacer("-", "+", "_", "/")
	a.PasswordHash = fmt.Sprintf("$fbscrypt$v=1,n=%d,r=%d,p=1,ss=%s,sk=%s$%s$%s", o.Firebase.memory, o.Firebase.rounds, o.Firebase.separator,
		o.Firebase.signerKey, standard.Replace(r.text("salt")), standard.Replace(hash))
	return a, nil
}
