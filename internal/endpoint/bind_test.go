package endpoint_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/portaria/portaria/internal/endpoint"
	"github.com/portaria/portaria/internal/problem"
)

type search struct {
	ID    string `json:"-" path:"id" format:"uuid"`
	Name  string `json:"-" query:"name" maxLength:"5" doc:"A name."`
	Owner string `json:"-" query:"owner" format:"uuid"`
	Limit int    `json:"-" query:"limit" minimum:"1" maximum:"200"`
	After int    `json:"-" query:"after"`
}

func find(_ context.Context, _ string, in search) (search, error) { return in, nil }

const someID = "00112233-4455-6677-8899-aabbccddeeff"

// searched returns the refusal of a path and a query, or "".
func searched(t *testing.T, id, query string) string {
	t.Helper()
	h, err := endpoint.At("GET /x/{id}", anyone{}, endpoint.Call(find), "Find.").Handle(registry())
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest("GET", "/x/y?"+query, nil)
	r.SetPathValue("id", id)
	if err := h(httptest.NewRecorder(), r, "ana"); err != nil {
		a := problem.Table{}.Of(err)
		return strings.TrimSpace(fmt.Sprintln(a.Code, a.Errors))
	}
	return ""
}

// A parameter outside its tags is refused, and named. No route has a path with an id
// that is not one.
func TestParametersAreChecked(t *testing.T) {
	const number = "expected a whole number of at least 1"
	for query, want := range map[string]string{
		"":                                    "",
		"name=bob":                            "",
		"name=robert":                         "expected at most 5 characters",
		"name=%00":                            "without control characters",
		"name=a%0Ab":                          "without control characters",
		"name=%C2%85":                         "without control characters",
		"name=%ff":                            "expected UTF-8 text",
		"name=" + strings.Repeat("%41", 1025): "too long",
		"name=":                               "must not be empty",
		"owner=" + someID:                     "",
		"owner=" + strings.ToUpper(someID):    "expected a UUID",
		"owner=bob":                           "expected a UUID",
		"limit=1":                             "",
		"limit=200":                           "",
		"limit=0":                             "expected 1 to 200",
		"limit=201":                           "expected 1 to 200",
		"limit=one":                           "expected 1 to 200",
		"after=999999":                        "",
		"after=0":                             number,
		"after=-1":                            number,
		"after=99999999999999999999":          number,
	} {
		name, _, _ := strings.Cut(query, "=")
		got := searched(t, someID, query)
		if want == "" && got != "" || !strings.Contains(got, want) || want != "" && !strings.HasPrefix(got, "input_invalid [{"+name+" ") {
			t.Errorf("%s: %q, want %q", query, got, want)
		}
	}
	for _, id := range []string{"", "bob", "\x00", strings.ToUpper(someID), url.PathEscape("é"), strings.Repeat("a", 2000)} {
		if got := searched(t, id, ""); got != "route_not_found []" {
			t.Errorf("id %q: %q", id, got)
		}
	}
}

// The limits of parameters are in the document.
func TestParametersAreDocumented(t *testing.T) {
	op := endpoint.At("GET /x/{id}", anyone{}, endpoint.Call(find), "Find.").Operation(registry())
	found := ""
	for _, p := range op.Parameters {
		found += fmt.Sprint(p.Name, " ", p.In, " ", p.Required, " ", p.Schema.Type, " ", p.Schema.Format)
		if p.Schema.MaxLength != nil {
			found += fmt.Sprint(" length ", *p.Schema.MaxLength)
		}
		if p.Schema.Minimum != nil {
			found += fmt.Sprint(" from ", *p.Schema.Minimum)
		}
		if p.Schema.Maximum != nil {
			found += fmt.Sprint(" to ", *p.Schema.Maximum)
		}
		found += "\n"
	}
	const want = "id path true string uuid\nname query false string  length 5\nowner query false string uuid\n" +
		"limit query false integer  from 1 to 200\nafter query false integer  from 1\n"
	if found != want {
		t.Errorf("got\n%swant\n%s", found, want)
	}
}

// Each kind of endpoint has its status, in the response and in the document.
func TestStatus(t *testing.T) {
	nothing := func(context.Context, string, endpoint.None) (endpoint.None, error) { return endpoint.None{}, nil }
	for status, e := range map[int]endpoint.Endpoint[string]{
		http.StatusOK:        endpoint.Call(find),
		http.StatusCreated:   endpoint.Create(find),
		http.StatusNoContent: endpoint.Call(nothing),
	} {
		route := endpoint.At("GET /x", anyone{}, e, "")
		h, err := route.Handle(registry())
		if err != nil {
			t.Fatal(err)
		}
		r, w := httptest.NewRequest("GET", "/x", nil), httptest.NewRecorder()
		r.SetPathValue("id", someID)
		if err := h(w, r, "ana"); err != nil || w.Code != status {
			t.Errorf("%d, %v, want %d", w.Code, err, status)
		}
		if route.Operation(registry()).Responses[fmt.Sprint(status)] == nil {
			t.Errorf("%d is not in the document", status)
		}
	}
}
