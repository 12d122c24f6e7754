package people

import (
	"slices"
	"strings"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/internal/httpapi/access"
	"github.com/portaria/portaria/internal/signin"
)

// tokenSeparator stands between the device tokens in a cookie. No device token contains it.
const tokenSeparator = "."

// device tokens returns the device tokens that a device shows: the one in the body first, then
// those of its cookie.
func deviceTokens(c access.Caller, inBody string) []string {
	var shown []string
	if inBody != "" {
		shown = append(shown, inBody)
	}
	// Several cookies of the name: another host may have set one. All are checked,
	// and a device token that is not ours counts for nothing.
	for _, cookie := range c.Browser.Request.CookiesNamed(api.DeviceCookie) {
		shown = append(shown, strings.Split(cookie.Value, tokenSeparator)...)
	}
	return shown[:min(len(shown), signin.MaxDeviceTokens)]
}

// keepDeviceToken sets the cookie with a new device token. Those of other accounts on the same
// device stay; the oldest go when there are too many.
func (p people) keepDeviceToken(c access.Caller, token, replaced string) {
	kept := []string{token}
	for _, old := range deviceTokens(c, "") {
		if old != replaced && !slices.Contains(kept, old) && len(kept) < signin.MaxDeviceTokens {
			kept = append(kept, old)
		}
	}
	c.Browser.Keep(api.DeviceCookie, strings.Join(kept, tokenSeparator), p.SignIn.DeviceLifetime())
}
