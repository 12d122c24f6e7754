package keycli

import (
	"reflect"
	"strings"
	"testing"

	"github.com/portaria/portaria/internal/app"
)

// TestEverySecretCanBeRotated by its name on the command line.
func TestEverySecretCanBeRotated(t *testing.T) {
	field, _ := reflect.TypeFor[keyRotateSecret]().FieldByName("Name")
	if got, want := field.Tag.Get("enum"), strings.Join(app.Secrets(), ","); got != want {
		t.Errorf("names on the command line: %s, want %s", got, want)
	}
	seen := map[string]string{}
	for _, name := range app.Secrets() {
		text := keyRotateSecret{Name: name}.instruction()
		if other := seen[text]; other != "" {
			t.Errorf("%s has the instruction of %s", name, other)
		}
		seen[text] = name
	}
}
