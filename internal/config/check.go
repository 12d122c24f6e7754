package config

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/portaria/portaria/internal/config/yamlfile"
	"github.com/portaria/portaria/internal/keyring/masterkey"
	"github.com/portaria/portaria/internal/outbound"
)

// check finds settings that exclude each other, and values that the type of a
// setting cannot rule out.
func (l *loader) check() {
	l.checkListen()
	l.checkTLS()
	l.checkIssuer()
	l.checkKeys()
	l.checkContact()
	l.checkPassword()
	l.checkLifetimes()
	l.checkRotation()
	l.checkAudiences()
	l.checkExists("ca_file", l.config.CAFile)
	l.checkExists("password_breach_file", l.config.Passwords.BreachFile)
	l.checkEgress("egress_allow", l.config.EgressAllow)
	l.checkEgress("webhook_networks", l.config.WebhookNetworks)
}

// checkEgress refuses networks that are reached anyway, and those that never are.
func (l *loader) checkEgress(name string, networks []netip.Prefix) {
	for _, n := range networks {
		if !slices.ContainsFunc(outbound.Inner(), n.Overlaps) {
			l.Reject(name, n.String()+" is no private network; name one such as 10.20.0.0/16")
		}
	}
}

// show quotes a wrong value, unless it is so long that it may be a secret meant
// for another setting.
func show(text string) string {
	if len(text) > 20 {
		return "the value"
	}
	return strconv.Quote(text)
}

func (l *loader) checkListen() {
	host, port, err := net.SplitHostPort(l.config.Listen)
	if err != nil {
		l.Reject("listen", show(l.config.Listen)+" is not an address; write host:port")
		return
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		l.Reject("listen", "port "+show(port)+" is not between 0 and 65535")
		return
	}
	if !loopback(host) && !l.config.TLS() && !l.config.InsecureHTTP {
		l.Reject("listen", l.config.Listen+" can be reached from outside, where plain HTTP shows passwords to the network: "+
			"set tls_cert_file and tls_key_file, or insecure_http if a proxy in front terminates TLS")
	}
}

// loopback reports whether only this machine reaches a host. Names are not
// looked up: the result could change after the check.
func loopback(host string) bool {
	address, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && address.Unmap().IsLoopback()
}

func (l *loader) checkTLS() {
	if (l.config.TLSCertFile == "") != (l.config.TLSKeyFile == "") {
		l.Report(l.Where("tls_cert_file", "tls_key_file"), "TLS needs both tls_cert_file and tls_key_file")
	}
	l.checkExists("tls_cert_file", l.config.TLSCertFile)
	l.checkExists("tls_key_file", l.config.TLSKeyFile)
}

func (l *loader) checkExists(name, path string) {
	if path == "" {
		return
	}
	if holdsSecret(path) {
		l.Reject(name, yamlfile.ErrNotPath.Error())
		return
	}
	if _, err := os.Stat(path); err != nil {
		l.Reject(name, "read "+path+": "+yamlfile.Plain(err).Error())
	}
}

// holdsSecret reports that a value given as a path is more likely a secret: a
// key, or a URL that may have a password. It must not be repeated anywhere, nor
// become the name of a new file.
func holdsSecret(path string) bool {
	_, err := masterkey.Parse([]byte(path))
	return err == nil || strings.Contains(path, "://") || strings.Contains(path, "-----BEGIN") || strings.HasPrefix(path, "{")
}

func (l *loader) checkIssuer() {
	if l.config.Audience == "" {
		l.Reject("audience", "must not be empty")
	}
	if l.config.Issuer == "" {
		return
	}
	if l.config.SettlesAudience(l.config.Issuer) {
		l.Report(l.Where("audience", "audience_profiles", "audience_encryption"),
			"the issuer's URL is the audience of Portaria's own routes: choose another name for services")
	}
	if err := checkIssuer(l.config.Issuer); err != nil {
		l.Reject("issuer", err.Error())
	}
}

// checkIssuer does not repeat the URL in its errors: it may hold a password.
func checkIssuer(text string) error {
	issuer, err := url.Parse(text)
	switch {
	case err != nil || issuer.Host == "" || issuer.Scheme != "https" && issuer.Scheme != "http":
		return errors.New("must be a URL such as https://login.example.org")
	case issuer.User != nil:
		return errors.New("must not contain user or password")
	case issuer.RawQuery != "" || issuer.ForceQuery || issuer.Fragment != "":
		return errors.New("must have neither query nor fragment (RFC 8414)")
	}
	return nil
}

// checkContact refuses a contact that would add lines to security.txt.
func (l *loader) checkContact() {
	c := l.config.SecurityContact
	if c == "" {
		return
	}
	address, err := url.Parse(c)
	if err != nil || address.Scheme != "mailto" && address.Scheme != "https" || len(c) > 255 || strings.ContainsAny(c, " \r\n\t") {
		l.Reject("security_contact", "must be an address such as mailto:security@example.org or https://example.org/security")
	}
}

func (l *loader) checkKeys() {
	if l.Given("master_key_file") && l.config.MasterKey != "" {
		l.Reject("master_key", "master_key and master_key_file ("+l.Where("master_key_file")+") exclude each other")
	}
	if l.config.MasterKeyFile == "" {
		l.Reject("master_key_file", "must not be empty")
	}
	if holdsSecret(l.config.MasterKeyFile) {
		l.Reject("master_key_file", yamlfile.ErrNotPath.Error())
		return
	}
	if info, err := os.Stat(l.config.MasterKeyFile); err == nil && info.IsDir() {
		l.Reject("master_key_file", l.config.MasterKeyFile+" is a folder")
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) && l.config.MasterKeyFile != "" {
		l.Reject("master_key_file", "read "+l.config.MasterKeyFile+": "+yamlfile.Plain(err).Error())
	}
}

func (l *loader) checkLifetimes() {
	c := l.config
	if c.RefreshTTL > c.SessionTTL {
		l.Report(l.Where("refresh_ttl", "session_ttl"),
			fmt.Sprintf("refresh_ttl (%v) is longer than session_ttl (%v), which ends every session", c.RefreshTTL, c.SessionTTL))
	}
	if c.AccessTTL > c.SessionTTL {
		l.Report(l.Where("access_ttl", "session_ttl"),
			fmt.Sprintf("access_ttl (%v) is longer than session_ttl (%v), which ends every session", c.AccessTTL, c.SessionTTL))
	}
}

// checkRotation lets the policy decide whether keys can rotate so often.
func (l *loader) checkRotation() {
	if err := l.config.Keys(0).Validate(); err != nil {
		l.Report(l.Where("key_rotation", "key_set_max_age", "access_ttl"), err.Error())
	}
}
