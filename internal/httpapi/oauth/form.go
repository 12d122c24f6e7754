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

// oauthForm has the parameters of an OAuth request. A parameter without a value is
// treated as absent (RFC 6749 §3.2).
type oauthForm map[string][]string

// get returns a parameter, or "" when it was not sent.
func (f oauthForm) get(name string) string {
	if len(f[name]) == 0 {
		return ""
	}
	return f[name][0]
}

// mayRepeat is the parameter that a request may have several times (RFC 8707 §2).
const mayRepeat = "resource"

// readForm reads the body of a request to an OAuth route. It refuses parameters in the
// query, because secrets would appear in logs. It refuses a repeated parameter, because
// two programs could read different values. Unknown parameters stay in the form; see
// only.
func readForm(r *http.Request) (oauthForm, error) {
	if r.URL.RawQuery != "" || r.URL.ForceQuery {
		return nil, invalidRequest("Send the parameters in the body, not in the URL.")
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
			return nil, invalidRequest("The name of a parameter is not valid text.")
		}
		if len(values) > 1 && name != mayRepeat {
			return nil, invalidRequest("A parameter was given more than once.")
		}
		for _, value := range values {
			// Control characters are never valid, and a database refuses some of them.
			if !isText(value) {
				return nil, invalidRequest("The value of a parameter is not valid text.")
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

// invalidRequest returns the error for a request that RFC 6749 does not allow.
func invalidRequest(description string) error {
	return &api.OAuthError{Code: "invalid_request", Description: description}
}
