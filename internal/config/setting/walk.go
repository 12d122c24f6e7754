package setting

import (
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/netip"
	"reflect"
	"slices"
	"strings"

	"github.com/portaria/portaria/internal/config/yamlfile"
)

// source is where settings come from.
type source int

const (
	fromFile source = iota
	fromVariable
	fromFlag
)

// scope is one struct that is read from one source: the whole, or one item of a
// list.
type scope struct {
	*Reader
	from  source
	into  reflect.Value
	item  string                   // clients[orders]; empty for the whole
	start string                   // where the item begins
	seen  map[string]yamlfile.Pair // by id, because a value and its file exclude each other
	where map[string]string        // of each setting of an item, by name
}

// read reads the settings of a section. prefix is the path of the section, as
// the source writes it, with a dot at its end.
func (c *scope) read(s *section, pairs []yamlfile.Pair, prefix string) {
	for _, p := range pairs {
		switch f := s.field(p.Name); {
		case f == nil:
			c.unknown(s, p, prefix)
		case f.section == nil:
			c.setting(f, p, prefix+p.Name)
		default:
			c.nested(f, p, prefix+p.Name)
		}
	}
}

// nested reads a section within a section.
func (c *scope) nested(f *field, p yamlfile.Pair, label string) {
	switch {
	case p.Value.Form == yamlfile.Mapping:
		c.read(f.section, p.Value.Pairs, label+".")
	case p.Value.Form == yamlfile.Empty && c.from == fromFile: // all its lines are comments
	default:
		c.reject(p.Where, label, "has settings of its own: "+strings.Join(c.spelled(f.section.names()), ", "))
	}
}

// setting reads one setting.
func (c *scope) setting(f *field, p yamlfile.Pair, label string) {
	if first, twice := c.seen[f.id]; twice {
		c.Report(p.Where, c.path(twiceText(f, p, first)))
		return
	}
	c.seen[f.id] = p
	if f.NoFlag && c.from == fromFlag {
		c.Report(p.Where, "is a secret and everybody may read arguments; set "+f.Env())
		return
	}
	if c.where[f.key] = p.Where; c.item == "" {
		c.given[f.Name], c.origin[f.id] = p.Where, p.Where
	}
	c.value(f, p.Value, label)
}

func twiceText(f *field, second, first yamlfile.Pair) string {
	if second.Name == first.Name {
		return second.Name + " is already set at " + first.Where
	}
	return f.Name + " and " + first.Name + " (" + first.Where + ") exclude each other"
}

// reject reports a problem with a setting. The label names the setting unless the
// position, a variable or a flag, already does.
func (c *scope) reject(where, label, text string) {
	if c.item == "" && c.from != fromFile {
		label = ""
	}
	if label = c.path(label); label != "" {
		text = label + ": " + text
	}
	c.Report(where, text)
}

// path puts the name of the item before a text.
func (c *scope) path(text string) string {
	if c.item == "" {
		return text
	}
	return c.item + "." + text
}

// value reads the value of a setting, by the kind of the setting.
func (c *scope) value(f *field, n yamlfile.Node, label string) {
	var err error
	switch {
	case n.Form == yamlfile.Empty:
		err = errors.New(`has no value; write "" if it should be empty`)
	case f.Kind == List:
		c.list(f, n, label)
	case f.Kind == Pairs:
		c.pairs(f, n, label)
	case f.Kind == Names:
		err = c.names(f, n)
	case f.Kind == Networks:
		err = c.networks(f, n)
	case n.Form == yamlfile.List:
		err = errors.New("takes one value, not a list")
	case n.Form == yamlfile.Mapping:
		err = errors.New("takes one value, not a mapping; put quotes around JSON")
	case f.value != nil:
		err = c.content(f, n)
	default:
		if err = f.set(c.into, n.Text); err == nil && f.Secret {
			c.checkExposed(f, n)
		}
	}
	if err != nil {
		c.reject(n.Where, label, err.Error())
	}
}

// content reads the value of a setting from a file. The path is not repeated in
// errors, because it may be the secret itself.
func (c *scope) content(f *field, n yamlfile.Node) error {
	if yamlfile.LooksLikeContent(n.Text) {
		return yamlfile.ErrNotPath
	}
	content, err := yamlfile.Read(n.Text)
	if err != nil {
		return fmt.Errorf("read the file: %w", err)
	}
	content = strings.TrimSuffix(strings.TrimSuffix(content, "\n"), "\r")
	if content == "" {
		return errors.New("the file is empty")
	}
	if f.value.Secret && yamlfile.Exposed(n.Text) {
		c.warn(n.Where, c.path(f.Name)+": the named file "+yamlfile.ExposedText)
	}
	return f.value.set(c.into, content)
}

// checkExposed warns when every user may read a settings file with a secret. A
// type may report that a value holds no secret, such as a URL without password.
func (c *scope) checkExposed(f *field, n yamlfile.Node) {
	value, ok := c.into.FieldByIndex(f.index).Interface().(interface{ HoldsSecret() bool })
	if c.from == fromFile && (!ok || value.HoldsSecret()) && yamlfile.Exposed(c.file) {
		c.warn(n.Where, c.path(f.Name)+": the settings file "+yamlfile.ExposedText)
	}
}

// texts returns the items of a list of texts. A single text is split.
func texts(n yamlfile.Node, split func(string) []string) ([]string, bool) {
	if n.Form == yamlfile.Scalar && strings.HasPrefix(strings.TrimSpace(n.Text), "[") {
		if value, ok := yamlfile.ParseValue(n.Where, n.Text); ok {
			n = value
		}
	}
	switch n.Form {
	case yamlfile.Scalar:
		return split(n.Text), true
	case yamlfile.List:
		texts := []string{}
		for _, item := range n.Items {
			if item.Form != yamlfile.Scalar {
				return nil, false
			}
			texts = append(texts, item.Text)
		}
		return texts, true
	}
	return nil, false
}

func (c *scope) names(f *field, n yamlfile.Node) error {
	items, ok := texts(n, strings.Fields)
	if !ok {
		return errors.New("must be a list of names")
	}
	c.into.FieldByIndex(f.index).Set(reflect.ValueOf(items))
	return nil
}

func (c *scope) networks(f *field, n yamlfile.Node) error {
	items, ok := texts(n, splitCommas)
	if !ok {
		return errors.New("must be a list of networks")
	}
	var networks []netip.Prefix
	for _, text := range items {
		network, err := f.parseNetwork(strings.TrimSpace(text))
		if err != nil {
			return err
		}
		networks = append(networks, network)
	}
	c.into.FieldByIndex(f.index).Set(reflect.ValueOf(networks))
	return nil
}

func splitCommas(text string) []string {
	if strings.TrimSpace(text) == "" {
		return nil
	}
	return strings.Split(text, ",")
}

// errPairs does not show what was given instead: it may be a part of a key.
const errPairs = "must be name=value, separated by white space, or a mapping; a JWK within has no white space"

// pairs reads a mapping from names to values. It replaces the whole mapping, and
// reports everything that is wrong with it.
func (c *scope) pairs(f *field, n yamlfile.Node, label string) {
	pairs, ok := asMapping(n)
	if !ok {
		c.reject(n.Where, label, errPairs)
		return
	}
	values := reflect.MakeMap(f.typ)
	for _, p := range pairs {
		value, name := reflect.New(f.typ.Elem()).Elem(), reflect.ValueOf(p.Name).Convert(f.typ.Key())
		var err error
		switch {
		case values.MapIndex(name).IsValid():
			err = errors.New("is given more than once")
		case p.Value.Form != yamlfile.Scalar:
			err = errors.New("must be a text; put quotes around a JWK")
		default:
			err = f.parse(value, p.Value.Text)
		}
		values.SetMapIndex(name, value)
		if err != nil {
			c.reject(p.Where, label, p.Name+": "+err.Error())
		}
	}
	c.into.FieldByIndex(f.index).Set(values)
}

// asMapping returns the pairs of a mapping, of a JSON object, or of texts of the
// form name=value. All names must look like names, so that none is a part of a
// key that lost its quotes.
func asMapping(n yamlfile.Node) ([]yamlfile.Pair, bool) {
	if n.Form == yamlfile.Scalar && json.Valid([]byte(n.Text)) {
		if value, ok := yamlfile.ParseValue(n.Where, n.Text); ok && value.Form == yamlfile.Mapping {
			n = value
		}
	}
	pairs := n.Pairs
	if n.Form != yamlfile.Mapping {
		items, ok := texts(n, strings.Fields)
		if !ok {
			return nil, false
		}
		for _, item := range items {
			name, value, ok := strings.Cut(item, "=")
			if !ok {
				return nil, false
			}
			pairs = append(pairs, text(name, n.Where, value))
		}
	}
	odd := func(p yamlfile.Pair) bool { return !isName(p.Name) }
	return pairs, !slices.ContainsFunc(pairs, odd)
}

// isName reports whether a text can be a name or a URL: visible ASCII without the
// characters that a fragment of a JWK would have.
func isName(text string) bool {
	odd := func(r rune) bool { return r <= ' ' || r >= 0x7f || strings.ContainsRune("\"{}\\<>^`|=", r) }
	return text != "" && len(text) <= 255 && !strings.ContainsFunc(text, odd)
}

// list reads a list of structures. It replaces the whole list.
func (c *scope) list(f *field, n yamlfile.Node, label string) {
	where := n.Where
	switch none := n.Form == yamlfile.Scalar && strings.TrimSpace(n.Text) == ""; {
	case none:
		n.Form = yamlfile.List
	case n.Form == yamlfile.Scalar:
		n, _ = yamlfile.ParseValue(where, n.Text)
	}
	mappings := func(n yamlfile.Node) bool { return n.Form == yamlfile.Mapping }
	if n.Form != yamlfile.List || !all(n.Items, mappings) {
		c.reject(where, label, "must be a list; each item is a mapping that may have "+strings.Join(f.item.names(), ", "))
		return
	}
	items, keys := reflect.MakeSlice(f.typ, len(n.Items), len(n.Items)), map[string]bool{}
	for i, item := range n.Items {
		into := items.Index(i)
		f.item.defaults(into)
		sub := &scope{Reader: c.Reader, from: c.from, into: into, item: itemName(label, f.item, item, i), start: item.Where,
			seen: map[string]yamlfile.Pair{}, where: map[string]string{}}
		sub.readItem(f.item, item)
		if key := f.item.keyOf(into); key != "" && keys[key] {
			sub.reject(sub.place(f.item.key().key), f.item.key().key, "another item above has the same")
		} else {
			keys[key] = true
		}
	}
	c.into.FieldByIndex(f.index).Set(items)
}

func all(items []yamlfile.Node, is func(yamlfile.Node) bool) bool {
	return !slices.ContainsFunc(items, func(n yamlfile.Node) bool { return !is(n) })
}

// readItem reads an item, and validates it if all of it could be read.
func (c *scope) readItem(s *section, item yamlfile.Node) {
	before := len(c.problems)
	c.read(s, item.Pairs, "")
	if len(c.problems) > before {
		return
	}
	validate(c.into,
		func(name, text string) { c.reject(c.place(name), name, text) },
		func(text string) { c.Report(c.start, c.item+": "+text) })
}

// key returns the setting that identifies an item, or nil.
func (s *section) key() *field {
	for f := range s.leaves {
		if f.isKey {
			return f
		}
	}
	return nil
}

func (s *section) keyOf(item reflect.Value) string {
	if f := s.key(); f != nil {
		return item.FieldByIndex(f.index).String()
	}
	return ""
}

// itemName returns how problems name an item: by its key if that can be shown,
// and by its number otherwise.
func itemName(list string, s *section, item yamlfile.Node, i int) string {
	name := fmt.Sprint(i + 1)
	for _, p := range item.Pairs {
		if f := s.field(p.Name); f != nil && f.isKey && p.Value.Form == yamlfile.Scalar && isPrintable(p.Value.Text) {
			name = p.Value.Text
		}
	}
	return list + "[" + name + "]"
}

// unknown reports a name that is not a setting, with the one that was meant.
func (c *scope) unknown(s *section, p yamlfile.Pair, prefix string) {
	text := "unknown setting"
	if c.from == fromFile || c.item != "" {
		text = c.path(prefix+printable(p.Name)) + " is an unknown setting"
	}
	meant, ok := c.meant(s, p.Name, prefix)
	switch {
	case ok:
		text += "; did you mean " + meant + "?"
	case c.item != "" || prefix != "":
		text += "; known names are " + strings.Join(s.keys(), ", ")
	}
	c.Report(p.Where, text)
}

// meant returns the setting that an unknown name resembles, as its source would
// write it.
func (c *scope) meant(s *section, name, prefix string) (string, bool) {
	if meant, ok := resembles(name, s.keys()); ok && (prefix != "" || c.item != "") {
		return c.path(prefix + meant), true
	}
	meant, ok := resembles(name, c.schema.root.names())
	if !ok || c.item != "" || prefix != "" {
		return "", false
	}
	return c.spelled([]string{meant})[0], true
}

// keys returns the names of a section as the file writes them.
func (s *section) keys() (keys []string) {
	for _, f := range s.fields {
		keys = append(keys, f.key)
	}
	return keys
}

// spelled returns the names of settings as the source writes them.
func (c *scope) spelled(names []string) []string {
	spelled := slices.Clone(names)
	for i, name := range names {
		switch s := (Setting{Name: name}); c.from {
		case fromVariable:
			spelled[i] = s.Env()
		case fromFlag:
			spelled[i] = "--" + s.Flag()
		}
	}
	return spelled
}

// validate calls the method Validate of a struct, if it has one. It passes on
// each field with what is wrong with it, or what is wrong with the whole.
func validate(value reflect.Value, rejected func(name, text string), whole func(text string)) {
	v, ok := value.Addr().Interface().(interface{ Validate() error })
	if !ok {
		return
	}
	err := v.Validate()
	var fields interface {
		Fields() iter.Seq2[string, string]
	}
	switch {
	case errors.As(err, &fields):
		for name, text := range fields.Fields() {
			rejected(name, text)
		}
	case err != nil:
		whole(err.Error())
	}
}
