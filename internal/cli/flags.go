package cli

import (
	"fmt"
	"reflect"
	"strconv"
	"time"

	"github.com/portaria/portaria/internal/config"
)

// SettingFlags makes a flag of every setting that package config lists.
type SettingFlags struct {
	// target is a pointer to a struct with one pointer field for each setting. Nil means
	// that the flag was not given.
	Target   reflect.Value
	settings []config.Setting
}

// NewSettingFlags returns flags without values.
func NewSettingFlags() SettingFlags {
	var fields []reflect.StructField
	var settings []config.Setting
	for _, s := range config.Settings() {
		if s.NoFlag {
			continue
		}
		settings = append(settings, s)
		fields = append(fields, reflect.StructField{
			Name: "F" + strconv.Itoa(len(fields)),
			Type: flagType(s),
			Tag:  flagTag(s),
		})
	}
	return SettingFlags{reflect.New(reflect.StructOf(fields)), settings}
}

func flagType(s config.Setting) reflect.Type {
	if s.Kind == config.Bool {
		return reflect.TypeFor[*bool]()
	}
	return reflect.TypeFor[*string]()
}

// flagTag hides the flag from the help of each command: "portaria serve
// --help" lists all settings, with more to say about each.
func flagTag(s config.Setting) reflect.StructTag {
	return reflect.StructTag(fmt.Sprintf(`name:%q hidden:""`, s.Flag()))
}

// Given returns the flags of this call in the form that package config reads.
func (f SettingFlags) Given() map[string]string {
	out := map[string]string{}
	for i, s := range f.settings {
		switch v := f.Target.Elem().Field(i).Interface().(type) {
		case *string:
			if v != nil {
				out[s.Flag()] = *v
			}
		case *bool:
			if v != nil {
				out[s.Flag()] = strconv.FormatBool(*v)
			}
		}
	}
	return out
}

// Take returns and removes the value of a flag that has another meaning for this
// command than for the settings, for example --audience.
func (c *Call) Take(flag string) string {
	value := c.Flags.Given()[flag]
	for i, s := range c.Flags.settings {
		if s.Flag() == flag {
			c.Flags.Target.Elem().Field(i).SetZero()
		}
	}
	return value
}

// TakeSeconds is Take for a lifetime. Zero stands for the default.
func (c *Call) TakeSeconds(flag string) (int64, error) {
	text := c.Take(flag)
	if text == "" {
		return 0, nil
	}
	ttl, err := config.ParseDuration(text)
	if err != nil || ttl < time.Second || ttl%time.Second != 0 {
		return 0, Misuse("--%s must be whole seconds or more, such as 90s, 15m, 8h or 7d", flag)
	}
	return int64(ttl / time.Second), nil
}
