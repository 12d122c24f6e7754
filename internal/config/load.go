package config

import (
	"errors"
	"maps"
	"slices"
	"strings"
)

const (
	envPrefix = "PORTARIA_"
	envConfig = envPrefix + "CONFIG"
)

// Sources are where settings come from, beside the defaults. The later ones
// win: the file, the environment, the flags.
type Sources struct {
	// File is the path of the YAML file; if empty, PORTARIA_CONFIG names it, and
	// if that is empty too, there is none.
	File string
	// Environ is the environment, as os.Environ returns it.
	Environ []string
	// Flags holds the flags that were given, by [Setting.Flag]. Lists are
	// separated by commas.
	Flags map[string]string
	// Warn is told about what is odd but stops nothing, such as an unknown
	// variable. It may be nil.
	Warn func(Problem)
	// OtherVariables are PORTARIA_ variables that other parts of the program
	// read; they are no settings, and no mistakes either.
	OtherVariables []string
}

// Default returns the settings of a service that was told nothing.
func Default() Config {
	var config Config
	for _, setting := range Settings() {
		if setting.Default == "" {
			continue
		}
		if err := setting.set(&config, []string{setting.Default}); err != nil {
			panic("config: default of " + setting.Name + ": " + err.Error()) // a mistake in a struct tag
		}
	}
	return config
}

// Load reads and checks all settings. Its error is of type [Problems].
func Load(sources Sources) (Config, error) {
	l := newLoader()
	l.warned = sources.Warn
	variables := l.environment(sources)
	entries := l.file(sources)
	l.apply(entries, func(s Setting) string { return s.Name })
	l.checkExposed(entries)
	l.apply(variables, Setting.Env)
	l.apply(flags(sources), func(s Setting) string { return "--" + s.Flag() })
	l.check()
	if len(l.problems) > 0 {
		return l.config, l.problems
	}
	return l.config, nil
}

// loader gathers the settings and what is wrong with them.
type loader struct {
	config   Config
	problems Problems
	settings []Setting
	given    map[string]string // where each setting was given last, by name
	path     string            // of the YAML file
	warned   func(Problem)     // nil when nobody wants warnings
}

func newLoader() *loader {
	return &loader{config: Default(), settings: Settings(), given: map[string]string{}}
}

func (l *loader) problem(where, text string) {
	l.problems = append(l.problems, Problem{Where: where, Text: text})
}

// file returns the entries of the YAML file.
func (l *loader) file(sources Sources) []entry {
	path, where := sources.File, "--config"
	for _, variable := range sources.Environ {
		if value, ok := strings.CutPrefix(variable, envConfig+"="); ok && sources.File == "" {
			path, where = value, envConfig
		}
	}
	if path == "" {
		return nil
	}
	l.path = path
	text, err := readFile(path)
	if err != nil {
		l.problem(where, "read "+path+": "+err.Error())
		return nil
	}
	entries, problems := parseYAML(path, text)
	l.problems = append(l.problems, problems...)
	return entries
}

// environment returns the variables that are meant for us. A variable that is
// unknown stops the start only if it resembles a setting: Kubernetes and Compose
// files put variables with our prefix there for other purposes.
func (l *loader) environment(sources Sources) []entry {
	variables := map[string]string{}
	for _, variable := range sources.Environ {
		name, value, _ := strings.Cut(variable, "=")
		if strings.HasPrefix(name, envPrefix) && name != envConfig &&
			!slices.Contains(sources.OtherVariables, name) && !fromKubernetes(name, value) {
			variables[name] = value
		}
	}
	var entries []entry
	for _, name := range slices.Sorted(maps.Keys(variables)) {
		setting := strings.ToLower(strings.TrimPrefix(name, envPrefix))
		if name != strings.ToUpper(name) {
			setting = name // the shell distinguishes case, so this variable is unknown
		}
		known := l.known(setting)
		if variables[name] == "" && known {
			continue // how Compose files and unit files spell "not set"
		}
		if _, meant := resembles(setting, l.settings); !known && !meant {
			l.warn(name, "is no setting and is ignored")
			continue
		}
		entries = append(entries, entry{name: setting, where: name, values: []string{variables[name]}})
	}
	return entries
}

func (l *loader) warn(where, text string) {
	if l.warned != nil {
		l.warned(Problem{Where: where, Text: text})
	}
}

func (l *loader) known(name string) bool {
	return slices.ContainsFunc(l.settings, func(s Setting) bool { return s.Name == name })
}

func flags(sources Sources) []entry {
	var entries []entry
	for _, flag := range slices.Sorted(maps.Keys(sources.Flags)) {
		name := strings.ReplaceAll(flag, "-", "_")
		entries = append(entries, entry{name: name, where: "--" + flag, values: []string{sources.Flags[flag]}})
	}
	return entries
}

// apply sets the entries of one source; spelling is how it names a setting.
func (l *loader) apply(entries []entry, spelling func(Setting) string) {
	seen := map[int]entry{} // by field: a secret and its file are one
	for _, e := range entries {
		i := slices.IndexFunc(l.settings, func(s Setting) bool { return s.Name == e.name })
		if i < 0 {
			l.unknown(e, spelling)
			continue
		}
		setting := l.settings[i]
		if first, twice := seen[setting.field]; twice {
			l.problem(e.where, twiceText(setting, e, first))
			continue
		}
		seen[setting.field] = e
		if setting.NoFlag && strings.HasPrefix(e.where, "--") {
			l.problem(e.where, "is a secret and everybody may read arguments; set "+setting.Env())
			continue
		}
		l.given[l.settings[i].Name] = e.where
		if err := l.set(setting, e); err != nil {
			l.problem(e.where, spelledOut(setting, e)+err.Error())
		}
	}
}

func twiceText(setting Setting, second, first entry) string {
	if second.name == first.name {
		return setting.Name + " is already set at " + first.where
	}
	return setting.Name + " and " + first.name + " (" + first.where + ") exclude each other"
}

// spelledOut names the setting if the place, being a line number, does not.
func spelledOut(setting Setting, e entry) string {
	if e.where == setting.Env() || strings.HasPrefix(e.where, "--") {
		return ""
	}
	return setting.Name + ": "
}

func (l *loader) set(setting Setting, e entry) error {
	values := e.values
	switch {
	case setting.Kind == Clients:
		return l.setClients(e)
	case e.records != nil:
		return errNested
	case e.mapping && setting.Kind != Pairs:
		return errNested
	case setting.Kind == Networks && len(values) == 1:
		values = splitList(values[0])
	case setting.Kind == Pairs && len(values) == 1 && !e.mapping:
		values = strings.Fields(values[0])
	}
	if !setting.file {
		return setting.set(&l.config, values)
	}
	if len(values) != 1 {
		return errors.New("takes one value, not a list")
	}
	text, err := readFile(values[0])
	if err != nil {
		return err
	}
	if exposed(values[0]) {
		l.warn(e.where, errExposed)
	}
	return setting.set(&l.config, []string{strings.TrimSuffix(strings.TrimSuffix(text, "\n"), "\r")})
}

// errNested is about a mapping where a setting has no parts.
var errNested = errors.New("is nested; settings are flat")

func splitList(text string) []string {
	if strings.TrimSpace(text) == "" {
		return nil
	}
	return strings.Split(text, ",")
}

func (l *loader) unknown(e entry, spelling func(Setting) string) {
	text := "unknown setting"
	if !strings.HasPrefix(e.where, envPrefix) && !strings.HasPrefix(e.where, "--") {
		text = printable(e.name) + " is an unknown setting"
	}
	if meant, ok := resembles(e.name, l.settings); ok {
		text += "; did you mean " + spelling(meant) + "?"
	}
	l.problem(e.where, text)
}
