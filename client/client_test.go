package client_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/client"
)

// answer is a server that always gives the same answer. What the client does
// against the real service is tested in internal/httpapi.
func answer(t *testing.T, status int, body string) *client.Client {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}))
	t.Cleanup(server.Close)
	return client.New(server.URL+"/", nil)
}

func TestProblemsKeepTheirCode(t *testing.T) {
	_, err := answer(t, 422, `{"code":"input_invalid","title":"T.","detail":"D.","status":422,"errors":[{"field":"f","detail":"d"}]}`).Me(t.Context())
	var p *api.Problem
	if !errors.As(err, &p) || client.Code(err) != "input_invalid" || err.Error() != "input_invalid: T.: D.; f: d" {
		t.Fatalf("got %v", err)
	}
}

func TestWhatIsNoProblemNamesItsStatus(t *testing.T) {
	for _, page := range []string{"<html>Bad Gateway</html>", "{}", ""} {
		_, err := answer(t, 502, page).Me(t.Context())
		if err == nil || client.Code(err) != "" || !strings.Contains(err.Error(), "502 Bad Gateway") {
			t.Errorf("%q: got %v", page, err)
		}
	}
}

func TestResponsesAreBounded(t *testing.T) {
	_, err := answer(t, 200, `{"account":{"id":"`+strings.Repeat("a", 5<<20)+`"}}`).Me(t.Context())
	if err == nil {
		t.Fatal("a response of five megabytes was read")
	}
}

func TestUnreachableServiceIsNoProblem(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	_, err := client.New(server.URL, nil).Health(t.Context())
	if err == nil || client.Code(err) != "" || !strings.Contains(err.Error(), "/healthz") {
		t.Fatalf("got %v", err)
	}
}

func TestTokenStaysWithItsClient(t *testing.T) {
	var got []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = append(got, r.Header.Get("Authorization"))
		_, _ = w.Write([]byte("{}"))
	}))
	t.Cleanup(server.Close)
	plain := client.New(server.URL, nil)
	_, _ = plain.WithToken("a").Me(t.Context())
	_, _ = plain.Me(t.Context())
	if len(got) != 2 || got[0] != "Bearer a" || got[1] != "" {
		t.Fatalf("got %q", got)
	}
}
