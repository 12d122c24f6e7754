package config

import (
	"reflect"
	"time"

	"github.com/portaria/portaria/internal/config/setting"
)

// Sources are where settings come from, besides the defaults.
type Sources = setting.Sources

// Setting describes one setting, for help texts and for building flags.
type Setting = setting.Setting

// Problem is one thing that is wrong with the settings.
type Problem = setting.Problem

// Problems is the error of [Load]: everything that is wrong, at once.
type Problems = setting.Problems

// Effective is a setting as it is in force, with its source.
type Effective = setting.Effective

// Bool is the kind of settings that are on or off; their flags need no value.
const Bool = setting.Bool

// DefaultFile is the settings file that is used if no other one is named.
const DefaultFile = "portaria.yaml"

func schema() *setting.Schema { return setting.Describe(reflect.TypeFor[Config](), settingDoc) }

// Settings returns all settings in the order of [Config].
func Settings() []Setting { return schema().Settings() }

// ParseDuration reads a duration as settings write it, such as 90s, 36h, 7d or
// 2w. It is never negative.
func ParseDuration(text string) (time.Duration, error) { return setting.ParseDuration(text) }

// Default returns the settings of a service for which nothing is set.
func Default() Config {
	var config Config
	schema().Defaults(&config)
	return config
}

// Loaded is what was read from all sources.
type Loaded struct {
	Config
	// File is the path of the settings file, or "" if there is none.
	File string
	// Effective lists all settings with their sources. Secrets are hidden.
	Effective []Effective
}

// Load reads and checks all settings. Its error is of type [Problems].
func Load(sources Sources) (Config, error) {
	loaded, err := Read(sources)
	return loaded.Config, err
}

// Read is [Load], and also says where the settings come from.
func Read(sources Sources) (Loaded, error) {
	var c Config
	l := &loader{schema().Read(&c, sources), &c}
	l.check()
	return Loaded{c, l.File(), l.Effective()}, l.Err()
}

// loader checks the settings that were read.
type loader struct {
	*setting.Reader
	config *Config
}

// Usage lists all settings for a terminal: flag, values, default, and the first
// sentence of the documentation.
func Usage() string { return setting.Usage(Settings()) }
