package exports

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/portaria/portaria/api"
)

// members are those of the generic form.
func members() []string {
	return []string{"id", "identifier", "password_hash", "salt", "scheme", "created_at", "verified_at", "disabled", "attributes"}
}

// generic reads the members of [api.ImportedAccount].
func generic(r record, o Options) (api.ImportedAccount, error) {
	for _, name := range slices.Sorted(maps.Keys(r)) {
		switch {
		case name == "totp_secret" || name == "recovery_hashes":
			return api.ImportedAccount{}, fmt.Errorf("member %s: second factors cannot be imported; remove it to import the account without", name)
		case !slices.Contains(members(), name) && name != o.Identifier:
			return api.ImportedAccount{}, fmt.Errorf("member %q is unknown", name)
		}
	}
	a := api.ImportedAccount{PasswordHash: r.text("password_hash"), Salt: r.text("salt"), Scheme: r.text("scheme")}
	var err error
	a.Identifier = r.text(or(o.Identifier, "identifier"))
	if a.CreatedAt, err = r.time("created_at"); err != nil {
		return a, err
	}
	if a.VerifiedAt, err = r.time("verified_at"); err != nil {
		return a, err
	}
	if a.Disabled, err = r.bool("disabled", false); err != nil {
		return a, err
	}
	switch v := r["attributes"].(type) {
	case nil:
	case string: // CSV
		a.Attributes = json.RawMessage(v)
		if !json.Valid(a.Attributes) {
			return a, fmt.Errorf("attributes is no JSON")
		}
	default:
		if a.Attributes, err = json.Marshal(v); err != nil {
			return a, err
		}
	}
	return a, oldID(&a, r.text("id"), false)
}

// text returns a member as text; empty if there is none, or no text and no number.
func (r record) text(names ...string) string {
	for _, name := range names {
		switch v := r[name].(type) {
		case string:
			if v != "" {
				return v
			}
		case json.Number:
			return v.String()
		}
	}
	return ""
}

// bool returns a member; otherwise if there is none.
func (r record) bool(name string, otherwise bool) (bool, error) {
	switch v := r[name].(type) {
	case nil:
		return otherwise, nil
	case bool:
		return v, nil
	case json.Number:
		return record{name: v.String()}.bool(name, otherwise)
	case string:
		switch strings.ToLower(v) {
		case "true", "t", "1", "yes", "y":
			return true, nil
		case "false", "f", "0", "no", "n":
			return false, nil
		}
	}
	return false, fmt.Errorf("member %s is neither true nor false", name)
}

// layouts are the forms of times: RFC 3339, and what PostgreSQL, MySQL and SQLite
// print. A time without a zone is in UTC.
func layouts() []string {
	return []string{time.RFC3339Nano, "2006-01-02 15:04:05.999999999Z07:00", "2006-01-02 15:04:05.999999999Z07", "2006-01-02 15:04:05.999999999",
		"2006-01-02T15:04:05.999999999", "2006-01-02"}
}

// time reads a moment: a text, or the seconds or milliseconds since 1970. It is nil
// if there is none.
func (r record) time(name string) (*time.Time, error) {
	if m, ok := r[name].(map[string]any); ok { // {"$date": …} of MongoDB
		r, name = m, "$date"
	}
	text := r.text(name)
	if text == "" {
		return nil, nil
	}
	if n, err := strconv.ParseFloat(text, 64); err == nil {
		if n < 0 || n > 1e14 {
			return nil, fmt.Errorf("member %s is no time", name)
		}
		if n < 1e11 {
			n *= 1000
		}
		t := time.UnixMilli(int64(n)).UTC()
		return &t, nil
	}
	for _, layout := range layouts() {
		if t, err := time.Parse(layout, text); err == nil {
			t = t.UTC()
			return &t, nil
		}
	}
	return nil, fmt.Errorf("member %s is no time", name)
}

// oldID keeps an id of another system. A UUID stays the account's id. A number goes
// into the attribute user_id; so does other text if the system has such ids.
func oldID(a *api.ImportedAccount, id string, text bool) error {
	if id == "" {
		return nil
	}
	if _, err := uuid.Parse(id); err == nil && len(id) == 36 {
		a.ID = strings.ToLower(id)
		return nil
	}
	_, err := strconv.ParseInt(id, 10, 64)
	number := err == nil && (id == "0" || id[0] != '0' && id[0] != '+')
	if !number && !text {
		return fmt.Errorf("id is no UUID and no integer: keep it in attributes")
	}
	attributes := map[string]json.RawMessage{}
	if len(a.Attributes) > 0 {
		if err := json.Unmarshal(a.Attributes, &attributes); err != nil {
			return fmt.Errorf("attributes is no JSON object")
		}
	}
	if _, taken := attributes["user_id"]; taken {
		return fmt.Errorf("id is no UUID, and attributes has user_id already")
	}
	value := json.RawMessage(id)
	if !number {
		value, _ = json.Marshal(id)
	}
	attributes["user_id"] = value
	a.Attributes, err = json.Marshal(attributes)
	return err
}

// or returns the first text that is not empty.
func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}
