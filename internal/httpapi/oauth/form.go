package oauth

import (
	"mime"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/internal/endpoint"
	"github.com/portaria/portaria/internal/problem"
)

// oauthForm holds the parameters of an OAuth request. One without a value is as
// if it had not been sent (RFC 6749 §3.2).
type oauthForm map[string][]string

// get answers a parameter, empty when it was not sent.
func (f oauthForm) get(name string) string {
	if len(f[name]) == 0 {
		return ""
	}
	return f[name][0]
}

// mayRepeat are the parameters that may stand in a request several times.
const mayRepeat = "resource" // RFC 8707 §2

// readForm reads the body of a request to an OAuth route. Parameters in the
// query are refused: secrets would end in logs and histories. One that is given
// twice is refused, because two readers could take two different ones for it.
// Unknown ones stay in the form: each route says with only what it reads.
func readForm(r *http.Request) (oauthForm, error) {
	if r.URL.RawQuery != "" || r.URL.ForceQuery {
		return nil, invalidRequest("Parameters belong into the body, not into the URL.")
	}
	if !isForm(r.Header.Values("Content-Type")) {
		return nil, invalidRequest("Send Content-Type: application/x-www-form-urlencoded.")
	}
	body, err := endpoint.ReadBody(r)
	if err != nil {
		return nil, invalidRequest("The body cannot be read: " + problem.Table{}.Of(err).Title)
	}
	sent, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, invalidRequest("The body cannot be read as a form.")
	}
	return strictForm(sent)
}

func strictForm(sent url.Values) (oauthForm, error) {
	f := oauthForm{}
	for name, values := range sent {
		if !isText(name) {
			return nil, invalidRequest("The name of a parameter is no text.")
		}
		if len(values) > 1 && name != mayRepeat {
			return nil, invalidRequest("A parameter was given more than once.")
		}
		for _, value := range values {
			// No parameter of ours has a control character, and some are
			// errors to a database.
			if !isText(value) {
				return nil, invalidRequest("A parameter holds what is no text.")
			}
			if value != "" {
				f[name] = append(f[name], value)
			}
		}
	}
	return f, nil
}

func isText(s string) bool { return utf8.ValidString(s) && !strings.ContainsFunc(s, isControl) }

func isControl(r rune) bool { return r < ' ' || r == 0x7f }

func isForm(contentType []string) bool {
	if len(contentType) != 1 {
		return false
	}
	kind, params, err := mime.ParseMediaType(contentType[0])
	charset := strings.ToLower(params["charset"])
	return err == nil && kind == endpoint.FormType && (charset == "" || charset == "utf-8")
}

// invalidRequest says that a request is not as RFC 6749 wants it.
func invalidRequest(description string) error {
	return &api.OAuthError{Code: "invalid_request", Description: description}
}
