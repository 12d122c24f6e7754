package cli

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/portaria/portaria/internal/password"
)

func TestFirstLine(t *testing.T) {
	tests := map[string]string{
		"correct horse battery":                         "correct horse battery",
		"correct horse battery\n":                       "correct horse battery",
		"correct horse battery\r\n":                     "correct horse battery",
		"first\nsecond\n":                               "first",
		" spaces count \n":                              " spaces count ",
		"only the last\r\r\n":                           "only the last\r",
		strings.Repeat("日", password.MaxTyped):          strings.Repeat("日", password.MaxTyped),
		strings.Repeat("😀", password.MaxTyped) + "\r\n": strings.Repeat("😀", password.MaxTyped),
	}
	for in, want := range tests {
		if got, err := firstLine(strings.NewReader(in)); err != nil || string(got) != want {
			t.Errorf("firstLine(%.40q) = %.40q, %v; want %.40q", in, got, err, want)
		}
	}
}

func TestFirstLineRefuses(t *testing.T) {
	broken := errors.New("broken pipe")
	tests := map[string]io.Reader{
		"nothing":       strings.NewReader(""),
		"an empty line": strings.NewReader("\nsecond\n"),
		"a bare CR":     strings.NewReader("\r\n"),
		"an error":      io.MultiReader(strings.NewReader("half a pass"), iotest.ErrReader(broken)),
	}
	for name, in := range tests {
		if got, err := firstLine(in); err == nil {
			t.Errorf("%s was taken for %q", name, got)
		}
	}
}

// TestFirstLineIsBounded reads of an endless line only as much as shows that
// it is too long for a password: none must pass cut to size.
func TestFirstLineIsBounded(t *testing.T) {
	endless := &counter{}
	got, err := firstLine(endless)
	if err == nil && len([]rune(got)) <= password.MaxTyped {
		t.Errorf("a line without end was taken for a password of %d characters", len([]rune(got)))
	}
	if endless.read > 64<<10 {
		t.Errorf("read %d bytes", endless.read)
	}
}

// counter is an endless line.
type counter struct{ read int }

// Read answers letters.
func (c *counter) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	c.read += len(p)
	return len(p), nil
}
