package breach_test

import (
	"crypto/sha1"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/portaria/portaria/internal/password"
	"github.com/portaria/portaria/internal/password/breach"
	"github.com/portaria/portaria/internal/password/policy"
)

func typed(t testing.TB, text string) password.Plain {
	t.Helper()
	p, err := password.Typed(text)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func hash(password string) string { return fmt.Sprintf("%X", sha1.Sum([]byte(password))) }

func write(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "breached.txt")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestFile(t *testing.T) {
	for _, n := range []int{1, 2, 3, 10, 1000} {
		var lines []string
		for i := range n {
			lines = append(lines, hash(fmt.Sprint("in ", i)))
		}
		slices.Sort(lines)
		for i := range lines {
			switch {
			case i%3 == 1:
				lines[i] += ":" + strings.Repeat("9", i%10+1)
			case i%3 == 2:
				lines[i] = strings.ToLower(lines[i])
			}
		}
		for _, form := range []string{strings.Join(lines, "\n"), strings.Join(lines, "\n") + "\n", strings.Join(lines, "\r\n") + "\r\n"} {
			f, err := breach.Open(write(t, form))
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			for i := range n {
				if found, err := f.Contains(t.Context(), typed(t, fmt.Sprint("in ", i))); !found || err != nil {
					t.Errorf("%d of %d: %v, %v", i, n, found, err)
				}
				if found, err := f.Contains(t.Context(), typed(t, fmt.Sprint("out ", i))); found || err != nil {
					t.Errorf("other %d of %d: %v, %v", i, n, found, err)
				}
			}
		}
	}
}

func TestNoFile(t *testing.T) {
	a, b := hash("a"), hash("b")
	for name, text := range map[string]string{
		"empty": "", "text": "passwords\n", "descending": max(a, b) + "\n" + min(a, b) + "\n", "short hash": a[:39] + "\n", "long line": strings.Repeat("A", 500) + "\n",
	} {
		if _, err := breach.Open(write(t, text)); !errors.Is(err, breach.ErrFile) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := breach.Open(filepath.Join(t.TempDir(), "none")); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}

// A line that is broken in the middle must not pass as "not breached".
func TestBrokenFile(t *testing.T) {
	lines := []string{strings.Repeat("0", 40), "garbage", strings.Repeat("F", 40)}
	f, err := breach.Open(write(t, strings.Join(lines, "\n")))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.Contains(t.Context(), typed(t, "anything")); !errors.Is(err, policy.ErrNotChecked) {
		t.Error(err)
	}
}

// service speaks the range protocol and notes what it was asked.
func service(t *testing.T, answer func(prefix string) (int, string)) (url string, asked *[]string) {
	t.Helper()
	asked = &[]string{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		*asked = append(*asked, r.URL.Path+" "+r.Header.Get("Add-Padding"))
		status, body := answer(strings.TrimPrefix(r.URL.Path, "/range/"))
		w.WriteHeader(status)
		fmt.Fprint(w, body)
	}))
	t.Cleanup(s.Close)
	return s.URL + "/range/", asked
}

func TestOnline(t *testing.T) {
	breached, padded := hash("vinte e dois patos"), hash("vinte e tres patos")
	url, asked := service(t, func(string) (int, string) {
		return 200, strings.ToLower(breached[5:]) + ":3\r\n" + padded[5:] + ":0\r\n" + strings.Repeat("0", 35) + ":7"
	})
	o := breach.Online{URL: url, Client: http.DefaultClient}
	for text, want := range map[string]bool{"vinte e dois patos": true, "vinte e tres patos": false, "another one": false} {
		*asked = nil
		if got, err := o.Contains(t.Context(), typed(t, text)); got != want || err != nil {
			t.Errorf("%s: %v, %v", text, got, err)
		}
		if want := "/range/" + hash(text)[:5] + " true"; len(*asked) != 1 || (*asked)[0] != want {
			t.Errorf("asked %v, want %s", *asked, want)
		}
	}
}

func TestOnlineIsAway(t *testing.T) {
	answers := map[string]func(string) (int, string){
		"status":  func(string) (int, string) { return 503, "" },
		"empty":   func(string) (int, string) { return 200, "" },
		"page":    func(string) (int, string) { return 200, "<html>" },
		"endless": func(string) (int, string) { return 200, strings.Repeat("A", 1<<20) },
	}
	for name, answer := range answers {
		url, _ := service(t, answer)
		var reported error
		o := breach.Online{URL: url, Client: http.DefaultClient, Report: func(err error) { reported = err }}
		if found, err := o.Contains(t.Context(), typed(t, "vinte e dois patos")); found || err != nil || reported == nil {
			t.Errorf("%s, open: %v, %v, reported %v", name, found, err, reported)
		}
		o.Closed = true
		if _, err := o.Contains(t.Context(), typed(t, "vinte e dois patos")); !errors.Is(err, policy.ErrNotChecked) {
			t.Errorf("%s, closed: %v", name, err)
		}
	}
}
