package setting

import (
	"cmp"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"

	"github.com/portaria/portaria/internal/config/suggest"
	"github.com/portaria/portaria/internal/config/yamlfile"
)

const envConfig = EnvPrefix + "CONFIG"

// Sources are where settings come from, besides the defaults. Later sources
// win: the file, then the environment, then the flags.
type Sources struct {
	// File is the path of the YAML file. If it is empty, PORTARIA_CONFIG names the
	// file, and then DefaultFile.
	File string
	// DefaultFile is read only if it exists. It must belong to the user of the
	// process or to root, and others must not be able to write to it.
	DefaultFile string
	// Environ is the environment, as os.Environ returns it.
	Environ []string
	// Flags holds the flags that were given, by [Setting.Flag].
	Flags map[string]string
	// Warn is called for what is unusual but stops nothing, such as an unknown
	// variable. It may be nil.
	Warn func(Problem)
	// OtherVariables are PORTARIA_ variables that other parts of the program
	// read. They are neither settings nor mistakes.
	OtherVariables []string
}

// Reader holds what was read from all sources, and what is wrong with it.
type Reader struct {
	schema   *Schema
	target   reflect.Value
	sources  Sources
	file     string
	problems Problems
	given    map[string]string // where each setting was given last, by name
	origin   map[string]string // the same by id, for a value and its file together
}

// Defaults sets the default values of all settings in the struct that target
// points to. It panics when the tag of a default is wrong.
func (s *Schema) Defaults(target any) { s.root.defaults(reflect.ValueOf(target).Elem()) }

func (s *section) defaults(into reflect.Value) {
	for f := range s.leaves {
		if f.Default == "" {
			continue
		}
		if err := f.set(into, f.Default); err != nil {
			panic("setting: default of " + f.Name + ": " + err.Error())
		}
	}
}

// Read sets the defaults in the struct that target points to, and then reads all
// sources into it. It reports nothing: see [Reader.Err].
func (s *Schema) Read(target any, sources Sources) *Reader {
	s.Defaults(target)
	r := &Reader{schema: s, target: reflect.ValueOf(target).Elem(), sources: sources,
		given: map[string]string{}, origin: map[string]string{}}
	r.scope(fromFile).read(s.root, r.readFile(), "")
	r.scope(fromVariable).read(s.root, r.environment(), "")
	r.scope(fromFlag).read(s.root, r.flags(), "")
	return r
}

// File returns the path of the settings file, or "" if there is none.
func (r *Reader) File() string { return r.file }

// Err returns all problems as [Problems], or nil.
func (r *Reader) Err() error {
	if len(r.problems) == 0 {
		return nil
	}
	return r.problems
}

// Report adds a problem.
func (r *Reader) Report(where, text string) {
	r.problems = append(r.problems, Problem{Where: where, Text: text})
}

// Reject adds a problem with a setting. The text names the setting unless the
// position already does.
func (r *Reader) Reject(name, text string) {
	where := r.Where(name)
	s := Setting{Name: name}
	if where != name && where != s.Env() && where != "--"+s.Flag() {
		text = name + ": " + text
	}
	r.Report(where, text)
}

// Where returns where one of some settings was given: the first that was given,
// or the name of the first.
func (r *Reader) Where(names ...string) string {
	for _, name := range names {
		if where, given := r.given[name]; given {
			return where
		}
	}
	return names[0]
}

// Given reports whether a source gave a setting.
func (r *Reader) Given(name string) bool {
	_, given := r.given[name]
	return given
}

func (r *Reader) warn(where, text string) {
	if r.sources.Warn != nil {
		r.sources.Warn(Problem{Where: where, Text: text})
	}
}

// readFile returns what the settings file holds.
func (r *Reader) readFile() []yamlfile.Pair {
	path, where := r.sources.File, "--config"
	if path == "" {
		path, where = r.variable(envConfig), envConfig
	}
	if path == "" {
		path, where = r.defaultFile()
	}
	if path == "" {
		return nil
	}
	text, err := yamlfile.Read(path)
	if err != nil {
		r.Report(where, "read "+path+": "+err.Error())
		return nil
	}
	r.file = path
	pairs, problems := yamlfile.Parse(path, text)
	r.problems = append(r.problems, problems...)
	return pairs
}

// defaultFile returns the default file if it exists. Somebody who
// can write to the working directory must not be able to change the settings.
func (r *Reader) defaultFile() (path, where string) {
	path = r.sources.DefaultFile
	if path == "" {
		return "", ""
	}
	info, err := os.Stat(path)
	switch {
	case os.IsNotExist(err):
		return "", ""
	case err == nil && yamlfile.Foreign(info):
		r.Report(path, "belongs to another user, or others can write to it: change its owner or mode, or name it with --config if you trust it")
		return "", ""
	}
	return path, path
}

// variable returns the last value of a variable of the environment.
func (r *Reader) variable(name string) (value string) {
	for _, variable := range r.sources.Environ {
		if v, ok := strings.CutPrefix(variable, name+"="); ok {
			value = v
		}
	}
	return value
}

// environment returns the variables that are settings. An unknown variable is a
// mistake only if it resembles a setting: Kubernetes and Compose files set
// variables with our prefix for other purposes.
func (r *Reader) environment() []yamlfile.Pair {
	variables := map[string]string{}
	for _, variable := range r.sources.Environ {
		name, value, _ := strings.Cut(variable, "=")
		if strings.HasPrefix(name, EnvPrefix) && name != envConfig &&
			!slices.Contains(r.sources.OtherVariables, name) && !suggest.FromKubernetes(strings.TrimPrefix(name, EnvPrefix), value) {
			variables[name] = value
		}
	}
	var pairs []yamlfile.Pair
	for _, name := range slices.Sorted(maps.Keys(variables)) {
		setting := strings.ToLower(strings.TrimPrefix(name, EnvPrefix))
		if name != strings.ToUpper(name) {
			setting = name // variables are case-sensitive, so this one is unknown
		}
		known := r.schema.root.field(setting) != nil
		if variables[name] == "" && known {
			continue // Compose files and unit files write "not set" like this
		}
		if _, meant := resembles(setting, r.schema.root.names()); !known && !meant {
			r.warn(name, "is not a setting and is ignored")
			continue
		}
		pairs = append(pairs, text(setting, name, variables[name]))
	}
	return pairs
}

func (r *Reader) flags() []yamlfile.Pair {
	var pairs []yamlfile.Pair
	for _, flag := range slices.Sorted(maps.Keys(r.sources.Flags)) {
		pairs = append(pairs, text(strings.ReplaceAll(flag, "-", "_"), "--"+flag, r.sources.Flags[flag]))
	}
	return pairs
}

// text is a setting that a variable or a flag gives.
func text(name, where, value string) yamlfile.Pair {
	return yamlfile.Pair{Name: name, Where: where, Value: yamlfile.Node{Where: where, Form: yamlfile.Scalar, Text: value}}
}

// names returns the flat names of all settings.
func (s *section) names() (names []string) {
	for f := range s.leaves {
		names = append(names, f.Name)
	}
	return names
}

// Validate calls Validate of all sections, and reports what they return where
// their settings were given. Problems with items of lists are already reported.
func (r *Reader) Validate() {
	r.validateSections(r.schema.root)
}

func (r *Reader) validateSections(s *section) {
	for _, f := range s.fields {
		if f.section == nil {
			continue
		}
		r.validateSections(f.section)
		rejected := func(name, text string) { r.Reject(f.Name+"_"+name, text) }
		whole := func(text string) {
			r.Report(r.Where(append(f.section.names(), f.Name)...), f.Name+": "+text)
		}
		validate(r.target.FieldByIndex(f.section.index), rejected, whole)
	}
}

// scope returns a scope for the whole struct and one source.
func (r *Reader) scope(from source) *scope {
	return &scope{Reader: r, from: from, into: r.target, seen: map[string]yamlfile.Pair{}, where: map[string]string{}}
}

// place returns where a field of an item was given, or the item itself.
func (c *scope) place(field string) string {
	return cmp.Or(c.where[field], c.where[field+"_file"], c.start)
}
