package config_test

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/portaria/portaria/internal/clients"
	"github.com/portaria/portaria/internal/config"
	"github.com/portaria/portaria/internal/session"
)

// TestLimitsOfSettingsAreThoseOfTheDomain: a tag cannot name a constant, so that the
// limits in the tags are compared with those that the domain checks.
func TestLimitsOfSettingsAreThoseOfTheDomain(t *testing.T) {
	for name, want := range map[string][2]any{
		"AccessTTL":          {clients.MinTTL, clients.MaxAccessTTL},
		"RefreshTTL":         {clients.MinTTL, clients.MaxSessionTTL},
		"SessionTTL":         {clients.MinTTL, clients.MaxSessionTTL},
		"RefreshRetry":       {time.Duration(0), clients.MaxAccessTTL},
		"RefreshGrace":       {time.Duration(0), session.MaxGrace},
		"SessionsPerAccount": {0, session.MaxPerAccount},
	} {
		field, ok := reflect.TypeFor[config.Config]().FieldByName(name)
		if !ok {
			t.Errorf("no setting %s", name)
			continue
		}
		for i, tag := range []string{"min", "max"} {
			got := field.Tag.Get(tag)
			if d, err := config.ParseDuration(got); err == nil {
				got = d.String()
			}
			if got != fmt.Sprint(want[i]) {
				t.Errorf("%s: %s:%q, want %v", name, tag, field.Tag.Get(tag), want[i])
			}
		}
	}
}
