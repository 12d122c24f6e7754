package setting

import (
	"encoding"
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"time"
)

// Schema is the description of a struct with settings.
type Schema struct{ root *section }

// section is a struct whose fields are settings.
type section struct {
	index  []int // the struct within the target; empty for the target itself
	fields []*field
}

// field is one setting, or a section within a section.
type field struct {
	Setting
	key       string   // its name within its section
	id        string   // the flat name without _file: a value and its file are one setting
	index     []int    // within the target or the item of a list
	section   *section // of a nested section
	item      *section // of a list: what one item consists of
	typ       reflect.Type
	value     *field // of NAME_file: the setting whose value the file holds
	multiline bool
	isKey     bool
}

// Describe describes the settings of a struct type. docs returns the
// documentation of a setting by its flat name; those of list items are named
// LIST.NAME. Describe panics when the tags are wrong: a programmer's mistake.
func Describe(t reflect.Type, docs func(name string) string) *Schema {
	d := describer{docs: docs, known: map[string]bool{}}
	return &Schema{d.section(t, "", nil)}
}

// Settings returns all settings in the order of the struct fields.
func (s *Schema) Settings() []Setting { return s.root.settings() }

func (s *section) settings() (all []Setting) {
	for f := range s.leaves {
		all = append(all, f.Setting)
	}
	return all
}

// leaves yields all settings, those of nested sections included.
func (s *section) leaves(yield func(*field) bool) {
	for _, f := range s.fields {
		if f.section == nil {
			if !yield(f) {
				return
			}
			continue
		}
		for nested := range f.section.leaves {
			if !yield(nested) {
				return
			}
		}
	}
}

// field finds a setting or a section by its name in this section. A setting of
// a nested section is also found by its flat name.
func (s *section) field(name string) *field {
	for _, f := range s.fields {
		if f.key == name {
			return f
		}
	}
	for _, f := range s.fields {
		if rest, ok := strings.CutPrefix(name, f.key+"_"); ok && f.section != nil {
			if found := f.section.field(rest); found != nil {
				return found
			}
		}
	}
	return nil
}

// describer builds a schema.
type describer struct {
	docs  func(string) string
	known map[string]bool // flat names, to find two settings with one name
}

func (d describer) section(t reflect.Type, prefix string, index []int) *section {
	s := &section{index: index}
	for i := range t.NumField() {
		f := t.Field(i)
		at := append(slices.Clone(index), i)
		name, named := f.Tag.Lookup("name")
		switch {
		case !named && f.Type.Kind() == reflect.Struct && (f.Anonymous || f.Tag.Get("inline") == "yes"):
			s.fields = append(s.fields, d.section(f.Type, prefix, at).fields...)
		case !named:
		case isSection(f.Type):
			flat := d.unique(prefix + name)
			s.fields = append(s.fields, &field{Setting: Setting{Name: flat}, key: name, section: d.section(f.Type, flat+"_", at)})
		default:
			s.fields = append(s.fields, d.leaf(t, f, prefix, at)...)
		}
	}
	return s
}

func (d describer) unique(name string) string {
	if d.known[name] {
		panic("setting: two settings are called " + name)
	}
	d.known[name] = true
	return name
}

// leaf describes a setting, and its twin that takes the path of a file.
func (d describer) leaf(owner reflect.Type, sf reflect.StructField, prefix string, index []int) []*field {
	name, tag := sf.Tag.Get("name"), sf.Tag
	f := &field{
		Setting: Setting{
			Name: prefix + name, Kind: kindOf(sf.Type), Default: tag.Get("default"), Min: tag.Get("min"), Max: tag.Get("max"),
			Secret: tag.Get("secret") == "yes", Doc: d.docs(prefix + name),
			Origin: Origin{owner.PkgPath(), owner.Name(), sf.Name},
		},
		key: name, id: prefix + name, index: index, typ: sf.Type,
		multiline: tag.Get("multiline") == "yes", isKey: tag.Get("key") == "yes",
	}
	f.NoFlag = f.Secret && tag.Get("flag") != "yes"
	if choices := tag.Get("oneof"); choices != "" {
		f.Choices = strings.Split(choices, "|")
		if f.Kind == Text || f.Kind == Bool {
			f.Kind = Choice
		}
	}
	if f.Kind == List {
		f.item = describer{d.docs, map[string]bool{}}.section(sf.Type.Elem(), "", nil)
		f.document(d.docs)
	}
	twin := d.twin(f)
	switch tag.Get("file") {
	case "also":
		d.unique(f.Name)
		return []*field{f, twin}
	case "only":
		twin.Doc, twin.Origin = f.Doc, f.Origin
		return []*field{twin}
	}
	d.unique(f.Name)
	return []*field{f}
}

// document sets the documentation of the settings in the items of a list.
func (f *field) document(docs func(string) string) {
	for item := range f.item.leaves {
		if doc := docs(f.Name + "." + item.Name); doc != "" {
			item.Doc = doc
		}
	}
	f.Items = f.item.settings()
}

// twin describes the setting NAME_file of a setting.
func (d describer) twin(of *field) *field {
	twin := *of
	twin.key = of.key + "_file"
	twin.Setting = Setting{Name: of.Name + "_file", Kind: Text, Doc: twinDoc(of.Name)}
	twin.value = of
	return &twin
}

func twinDoc(name string) string {
	return "A file that holds the value of `" + name + "`, for mounted secrets. A newline at its end is ignored."
}

func isText(t reflect.Type) bool {
	return reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]())
}

func isSection(t reflect.Type) bool { return t.Kind() == reflect.Struct && !isText(t) }

func kindOf(t reflect.Type) Kind {
	switch {
	case t == reflect.TypeFor[time.Duration]():
		return Duration
	case t == reflect.TypeFor[[]netip.Prefix]():
		return Networks
	case isText(t) || t.Kind() == reflect.String:
		return Text
	case t.Kind() == reflect.Bool:
		return Bool
	case t.Kind() >= reflect.Int && t.Kind() <= reflect.Uint64:
		return Number
	case t.Kind() == reflect.Slice && isSection(t.Elem()):
		return List
	case t == reflect.TypeFor[[]string]():
		return Names
	case t.Kind() == reflect.Map && t.Key().Kind() == reflect.String && kindOf(t.Elem()) == Text:
		return Pairs
	}
	panic(fmt.Sprintf("setting: no setting can be a %v", t))
}
