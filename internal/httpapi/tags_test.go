package httpapi

import (
	"fmt"
	"go/ast"
	"go/parser"
	gotoken "go/token"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/internal/account"
	"github.com/portaria/portaria/internal/clients"
	"github.com/portaria/portaria/internal/guard"
	"github.com/portaria/portaria/internal/jose"
	"github.com/portaria/portaria/internal/password"
	"github.com/portaria/portaria/internal/password/legacy"
	"github.com/portaria/portaria/internal/revoke"
	"github.com/portaria/portaria/internal/revoke/rule"
	"github.com/portaria/portaria/internal/webhook"
	"github.com/portaria/portaria/internal/webhook/push"
)

// limitTags are the struct tags that hold a limit.
var limitTags = []string{"minLength", "maxLength", "minItems", "maxItems", "minimum", "maximum"}

// limits are the constants that the tags of package api repeat, by field. A field
// named by its type and name has precedence over one named by its name alone.
var limits = map[string]map[string]int{
	"Identifier": {"maxLength": account.MaxIdentifier}, "Email": {"maxLength": account.MaxIdentifier}, "Username": {"maxLength": account.MaxIdentifier},
	"Password": {"maxLength": password.MaxTyped}, "CurrentPassword": {"maxLength": password.MaxTyped},
	"NewPassword": {"maxLength": password.MaxLength}, "NewPassword.Password": {"maxLength": password.MaxLength},
	"Audience": {"maxLength": clients.MaxAudience}, "ClientID": {"maxLength": api.MaxText},
	"GuardQuery.Address": {"maxLength": api.MaxText}, "GuardSubject.Address": {"maxLength": api.MaxText},
	"SignIn.Device":   {"maxLength": guard.MaxDeviceToken},
	"ClientAssertion": {"maxLength": jose.MaxToken}, "RefreshToken": {"maxLength": api.MaxRefreshToken},

	"ClientDescription.ID": {"maxLength": clients.MaxID}, "ClientDescription.Name": {"maxLength": clients.MaxName},
	"PublicKey": {"maxLength": clients.MaxKey}, "EncryptionKey": {"maxLength": clients.MaxKey},
	"Audiences": {"maxItems": clients.MaxList}, "Scopes": {"maxItems": clients.MaxList},
	"Grants": {"maxItems": len(clients.GrantTypes())}, "RedirectURIs": {"maxItems": clients.MaxRedirectURIs},
	"AccessTTL":  {"minimum": 0, "maximum": seconds(clients.MaxAccessTTL)},
	"RefreshTTL": {"minimum": 0, "maximum": seconds(clients.MaxSessionTTL)}, "SessionTTL": {"minimum": 0, "maximum": seconds(clients.MaxSessionTTL)},
	"RefreshRetry": {"minimum": 0, "maximum": seconds(clients.MaxAccessTTL)},

	"Accounts": {"maxItems": api.MaxImport}, "PasswordHash": {"maxLength": legacy.MaxText}, "Salt": {"maxLength": 2 * legacy.MaxSalt},
	"Scheme": {"maxLength": legacy.MaxScheme}, "ImportedAccount.ID": {"maxLength": account.MaxID},
	"After": {"minimum": 0, "maximum": rule.MaxSeq}, "Seq": {"minimum": 0, "maximum": rule.MaxSeq}, "Wait": {"minimum": 0, "maximum": api.MaxPollWait},
	"Poll.Verifier": {"maxLength": api.MaxVerifierName}, "Verifier": {"minLength": 1, "maxLength": api.MaxVerifierName},
	"Lease": {"minimum": 0}, "Staleness": {"minimum": 1}, "Place": {"maxLength": api.MaxProof}, "KeySet": {"maxLength": api.MaxKeySetTag},
	"Followers": {"maxItems": api.MaxFollowers}, "Limit": {"minimum": 1, "maximum": api.MaxPage},
	"Target.ID": {"maxLength": revoke.MaxValue}, "Target.Token": {"maxLength": revoke.MaxValue}, "Target.Session": {"maxLength": revoke.MaxValue},
	"Target.Account": {"maxLength": revoke.MaxValue}, "Target.Client": {"maxLength": revoke.MaxValue}, "Target.Key": {"maxLength": revoke.MaxValue},
	"Reason": {"maxLength": revoke.MaxReason}, "IdempotencyKey": {"maxLength": revoke.MaxKey},

	"NewWebhook.ClientID": {"maxLength": webhook.MaxClientID}, "URL": {"maxLength": push.MaxURL}, "Types": {"maxItems": webhook.MaxPatterns},
	"MaxEvents": {"minimum": 0}, "EventPoll.Ack": {"maxItems": api.MaxAcks},
	"Err": {"maxLength": api.MaxText}, "Description": {"maxLength": api.MaxErrorText},
}

// TestGreatestPosition: the leaf that verifiers import has the limit of the API.
func TestGreatestPosition(t *testing.T) {
	if rule.MaxSeq != api.MaxPosition {
		t.Errorf("rule.MaxSeq is %d, api.MaxPosition %d", int64(rule.MaxSeq), int64(api.MaxPosition))
	}
}

// documented are phrases that hold a limit in the description of a field.
var documented = map[string]string{
	"Credentials.Password":       fmt.Sprintf("%d to %d characters", password.MinLength, password.MaxLength),
	"PasswordChange.NewPassword": fmt.Sprintf("%d to %d characters", password.MinLength, password.MaxLength),
	"NewPassword.Password":       fmt.Sprintf("%d to %d characters", password.MinLength, password.MaxLength),
	"Page.Limit":                 fmt.Sprintf("1 to %d", api.MaxPage),
	"DeliveryPage.Limit":         fmt.Sprintf("1 to %d", api.MaxPage),
	"Poll.Lease":                 fmt.Sprintf("%d seconds", seconds(api.DefaultStaleness)),
}

func seconds(d time.Duration) int { return int(d / time.Second) }

// TestTagsRepeatConstants: each limit in a tag of package api is that of a constant,
// and each constant stands in the tag of its field. So the schema, the texts and the
// checks cannot differ.
func TestTagsRepeatConstants(t *testing.T) {
	unused, described := map[string]bool{}, map[string]bool{}
	for name := range limits {
		unused[name] = true
	}
	for field, tag := range apiTags(t) {
		_, alone, _ := strings.Cut(field, ".")
		key := field
		if limits[key] == nil {
			key = alone
		}
		want := limits[key]
		for _, name := range limitTags {
			text, has := tag.Lookup(name)
			limit, known := want[name]
			switch {
			case !has && !known, has && known && text == fmt.Sprint(limit):
			case has && want == nil:
				t.Errorf("api.%s: no constant is named for %s:%q", field, name, text)
			case key == field || has: // a field named by its name alone may have no limit elsewhere
				t.Errorf("api.%s: %s:%q, want %d", field, name, text, limit)
			}
			if has {
				delete(unused, key)
			}
		}
		if phrase := documented[field]; phrase != "" {
			described[field] = true
			if !strings.Contains(tag.Get("doc"), phrase) {
				t.Errorf("api.%s: %q is not in the description %q", field, phrase, tag.Get("doc"))
			}
		}
	}
	for name := range unused {
		t.Errorf("no field %s has a limit", name)
	}
	if len(described) != len(documented) {
		t.Errorf("found the descriptions of %d fields, want %d", len(described), len(documented))
	}
}

// apiTags returns the tags of all fields of package api, as Type.Field.
func apiTags(t *testing.T) map[string]reflect.StructTag {
	t.Helper()
	files, err := filepath.Glob("../../api/*.go")
	if err != nil {
		t.Fatal(err)
	}
	tags := map[string]reflect.StructTag{}
	for _, file := range files {
		parsed, err := parser.ParseFile(gotoken.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			spec, ok := n.(*ast.TypeSpec)
			if !ok {
				return true
			}
			fields, ok := spec.Type.(*ast.StructType)
			if !ok {
				return true
			}
			for _, f := range fields.Fields.List {
				for _, name := range f.Names {
					if f.Tag == nil {
						continue
					}
					tags[spec.Name.Name+"."+name.Name] = reflect.StructTag(strings.Trim(f.Tag.Value, "`"))
				}
			}
			return true
		})
	}
	return tags
}
