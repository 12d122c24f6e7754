package config

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/portaria/portaria/internal/clients"
)

var (
	errClients   = errors.New("must be a list of clients, each with id, kind and what else it has")
	errOneValue  = errors.New("takes one value, not a list")
	errFileTwice = errors.New("is given twice, as a value and as a file")
)

// setClients reads the list of clients, and reports everything that is wrong
// with it at the line where it stands. It is replaced as a whole.
func (l *loader) setClients(e entry) error {
	records, err := e.clients()
	if err != nil {
		return err
	}
	list := []clients.Described{}
	for i, r := range records {
		c := newClientReader(l, r, i+1)
		described := c.read()
		if slices.ContainsFunc(list, func(other clients.Described) bool { return other.ID == described.ID }) {
			c.complain("id", "there is a client of this id above")
		}
		list = append(list, described)
	}
	l.config.Clients = list
	return nil
}

// clients answers the records of a list, or those of a text that has one: all
// that the environment and the command line can give.
func (e entry) clients() ([]record, error) {
	switch {
	case e.mapping || e.records != nil && len(e.values) > 0 || e.records == nil && len(e.values) > 1:
		return nil, errClients
	case e.records != nil || len(e.values) == 0 || strings.TrimSpace(e.values[0]) == "":
		return e.records, nil
	}
	entries, problems := parseYAML("", "clients: "+strings.ReplaceAll(e.values[0], "\n", " "))
	if len(problems) > 0 || len(entries) != 1 || len(entries[0].values) > 0 {
		return nil, errClients
	}
	for i := range entries[0].records {
		r := &entries[0].records[i]
		r.where = e.where
		for j := range r.fields {
			r.fields[j].where = e.where
		}
	}
	return entries[0].clients()
}

// clientReader reads one client.
type clientReader struct {
	*loader
	record
	name  string // how problems call it
	given map[string]string
}

func newClientReader(l *loader, r record, number int) *clientReader {
	c := &clientReader{loader: l, record: r, name: fmt.Sprintf("client %d", number), given: map[string]string{}}
	for _, f := range r.fields {
		if f.name == "id" && len(f.values) == 1 && clients.IsID(f.values[0]) {
			c.name = "client " + f.values[0]
		}
	}
	return c
}

// complain says what is wrong with a field, at its line if it has one.
func (c *clientReader) complain(field, text string) {
	c.problem(cmp.Or(c.given[field], c.given[field+"_file"], c.where), c.name+": "+field+": "+text)
}

// read reads all fields, and checks the whole only when each can be read.
func (c *clientReader) read() (d clients.Described) {
	before := len(c.problems)
	set := clientFields(&d)
	for _, f := range c.fields {
		c.take(f, set)
	}
	var faults clients.Faults
	if len(c.problems) == before && errors.As(d.Validate(), &faults) {
		for _, fault := range faults {
			c.complain(fault.Field, fault.Detail)
		}
	}
	return d
}

// take reads one field.
func (c *clientReader) take(f entry, set map[string]func([]string) error) {
	take, known := set[f.name]
	if !known {
		c.problem(f.where, c.name+": "+printable(f.name)+" is unknown; a client has "+strings.Join(slices.Sorted(maps.Keys(set)), ", "))
		return
	}
	_, twice := c.given[f.name]
	other, isFile := strings.CutSuffix(f.name, "_file")
	if !isFile {
		other = f.name + "_file"
	}
	_, both := c.given[other]
	c.given[f.name] = f.where
	if !f.list && slices.Contains([]string{"audiences", "scopes"}, f.name) && len(f.values) == 1 {
		f.values = strings.Fields(f.values[0]) // several names in one text
	}
	switch err := take(f.values); {
	case twice:
		c.complain(f.name, "is given twice")
	case both:
		c.complain(f.name, errFileTwice.Error())
	case err != nil:
		c.complain(f.name, err.Error())
	}
}

// clientFields are the fields of a client in the settings, each with what
// reads it. There is none for a secret itself: the file of settings is shown
// around.
func clientFields(d *clients.Described) map[string]func([]string) error {
	var kind, secret string
	fields := map[string]func([]string) error{
		"id":             one(&d.ID),
		"name":           one(&d.Name),
		"kind":           func(v []string) error { return then(one(&kind)(v), func() { d.Kind = clients.Kind(kind) }) },
		"public_key":     one(&d.PublicKey),
		"encryption_key": one(&d.EncryptionKey),
		"audiences":      many(&d.Audiences),
		"scopes":         many(&d.Scopes),
		"access_ttl":     lifetime(&d.Policy.AccessTTL),
		"refresh_ttl":    lifetime(&d.Policy.Idle),
		"session_ttl":    lifetime(&d.Policy.Absolute),
		"refresh_retry":  lifetime(&d.Policy.RefreshRetry),
		"rotation":       onOrOff(&d.Policy.NoRotation),
		"no_refresh":     yesOrNo(&d.Policy.NoRefresh),
		"profile":        one(&d.Profile),
	}
	fields["public_key_file"] = fromFile(&d.PublicKey)
	fields["encryption_key_file"] = fromFile(&d.EncryptionKey)
	fields["secret_file"] = func(v []string) error {
		return then(fromFile(&secret)(v), func() { d.Secret = clients.Plain(secret) })
	}
	return fields
}

func then(err error, do func()) error {
	if err == nil {
		do()
	}
	return err
}

func one(to *string) func([]string) error {
	return func(values []string) error {
		if len(values) != 1 {
			return errOneValue
		}
		*to = values[0]
		return nil
	}
}

func many(to *[]string) func([]string) error {
	return func(values []string) error {
		*to = values
		return nil
	}
}

func lifetime(to *time.Duration) func([]string) error {
	return func(values []string) (err error) {
		if len(values) != 1 {
			return errOneValue
		}
		if *to, err = parseDuration(values[0]); err != nil {
			return fmt.Errorf("%s %w", show(values[0]), err)
		}
		return nil
	}
}

func yesOrNo(to *bool) func([]string) error {
	return func(values []string) (err error) {
		if len(values) != 1 {
			return errOneValue
		}
		*to, err = parseBool(values[0])
		return err
	}
}

// onOrOff reads what is on unless it is turned off.
func onOrOff(off *bool) func([]string) error {
	return func(values []string) error {
		if len(values) != 1 || values[0] != "on" && values[0] != "off" {
			return errors.New("must be on or off")
		}
		*off = values[0] == "off"
		return nil
	}
}

// fromFile takes the content of a file, without a newline at its end. An empty
// one is somebody's mistake, and would be no proof at all.
func fromFile(to *string) func([]string) error {
	return func(values []string) error {
		if len(values) != 1 {
			return errOneValue
		}
		if holdsSecret(values[0]) {
			return errors.New(errNotPath)
		}
		text, err := readFile(values[0])
		if err != nil {
			return fmt.Errorf("read the file: %w", err)
		}
		if *to = strings.TrimSuffix(strings.TrimSuffix(text, "\n"), "\r"); *to == "" {
			return errors.New("the file is empty")
		}
		return nil
	}
}
