package config

import (
	"net/url"
	"os"
)

const errExposed = "holds a secret and every user of this machine may read the file; run chmod 640 on it"

// exposed reports that every user of the machine may read a file.
func exposed(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode().Perm()&0o004 != 0
}

// checkExposed warns when the settings file holds a secret and everybody may
// read it. entries are what the file holds.
func (l *loader) checkExposed(entries []entry) {
	for _, e := range entries {
		secret := e.name == "master_key" || e.name == "database" && l.config.Database.hasPassword()
		if secret && exposed(l.path) {
			l.warn(e.where, e.name+": "+errExposed)
		}
	}
}

func (d Database) hasPassword() bool {
	location, err := url.Parse(d.source)
	if !d.postgres || err != nil {
		return false
	}
	_, inUser := location.User.Password()
	return inUser || location.Query().Has("password")
}
