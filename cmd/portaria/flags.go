package main

import (
	"fmt"
	"reflect"
	"strconv"

	"github.com/portaria/portaria/internal/config"
)

// settingFlags makes a flag of every setting, so that the list of settings
// stands in one place, package config.
type settingFlags struct {
	// target is a pointer to a struct with a pointer field a setting; nil
	// means that the flag was not given.
	target   reflect.Value
	settings []config.Setting
}

func newSettingFlags() settingFlags {
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
	return settingFlags{reflect.New(reflect.StructOf(fields)), settings}
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

// given lists the flags that were given, as package config wants them.
func (f settingFlags) given() map[string]string {
	out := map[string]string{}
	for i, s := range f.settings {
		switch v := f.target.Elem().Field(i).Interface().(type) {
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
