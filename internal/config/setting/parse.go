package setting

import (
	"encoding"
	"errors"
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// set reads one text into the struct field of a setting. It is the only way from
// text to a value. Its errors contain no value of a secret.
func (f *field) set(into reflect.Value, text string) error {
	value := reflect.New(f.typ).Elem()
	if err := f.parse(value, text); err != nil {
		return err
	}
	into.FieldByIndex(f.index).Set(value)
	return nil
}

func (f *field) parse(into reflect.Value, text string) error {
	if unmarshaler, ok := into.Addr().Interface().(encoding.TextUnmarshaler); ok {
		return unmarshaler.UnmarshalText([]byte(text))
	}
	switch {
	case into.Type() == reflect.TypeFor[time.Duration]():
		value, err := f.parseDuration(text)
		into.SetInt(int64(value))
		return err
	case len(f.Choices) > 0:
		return f.choose(into, text)
	case into.Kind() == reflect.Bool:
		value, err := f.parseBool(text)
		into.SetBool(value)
		return err
	case into.Kind() == reflect.String:
		if strings.ContainsRune(text, 0) || !f.multiline && strings.ContainsAny(text, "\r\n") {
			return errors.New("has several lines")
		}
		into.SetString(text)
		return nil
	}
	value, err := f.parseNumber(text)
	if err != nil {
		return err
	}
	into.Set(reflect.ValueOf(value).Convert(into.Type()))
	return nil
}

func (f *field) choose(into reflect.Value, text string) error {
	i := slices.Index(f.Choices, text)
	if i < 0 {
		return fmt.Errorf("%s is none of: %s", f.show(text), strings.Join(f.Choices, ", "))
	}
	if into.Kind() == reflect.Bool {
		into.SetBool(i == 1)
	} else {
		into.SetString(text)
	}
	return nil
}

func (f *field) parseDuration(text string) (time.Duration, error) {
	value, err := ParseDuration(text)
	if err != nil {
		return 0, fmt.Errorf("%s %w", f.show(text), err)
	}
	least, _ := ParseDuration(f.Min)
	most, _ := ParseDuration(f.Max)
	if f.Max != "" && (value < least || value > most) {
		return 0, fmt.Errorf("%s is not between %s and %s", text, f.Min, f.Max)
	}
	return value, nil
}

func (f *field) parseNumber(text string) (int, error) {
	value, err := strconv.Atoi(text)
	if err != nil {
		return 0, fmt.Errorf("%s is no whole number", f.show(text))
	}
	least, most := f.bounds()
	if value < least || value > most {
		return 0, fmt.Errorf("%d is not between %d and %d", value, least, most)
	}
	return value, nil
}

// bounds returns the least and greatest number: those of the tags, or those that
// the type can hold.
func (f *field) bounds() (least, most int) {
	bits := f.typ.Bits()
	unsigned := f.typ.Kind() >= reflect.Uint
	switch {
	case f.Max != "":
		least, _ = strconv.Atoi(f.Min)
		most, _ = strconv.Atoi(f.Max)
		return least, most
	case unsigned:
		return 0, 1<<min(bits, 63) - 1
	}
	return -1 << (bits - 1), 1<<(bits-1) - 1
}

func (f *field) parseBool(text string) (bool, error) {
	switch text {
	case "true", "yes", "on", "1":
		return true, nil
	case "false", "no", "off", "0":
		return false, nil
	}
	return false, fmt.Errorf("%s is neither true nor false", f.show(text))
}

// show quotes a wrong value, unless the setting is secret, or the value is so
// long that it may be a secret meant for another setting.
func (f *field) show(text string) string {
	if f.Secret || len(text) > maxShown {
		return "the value"
	}
	return strconv.Quote(text)
}

// maxShown is the longest value that an error repeats.
const maxShown = 20

var errDuration = errors.New("is no duration; write 90s, 15m, 36h, 7d or 2w")

// ParseDuration reads what time.ParseDuration reads, and days and weeks; the
// result is never negative. A number without a unit is refused: half of all
// readers think of seconds, the other half of minutes.
func ParseDuration(text string) (time.Duration, error) {
	if text != "" && len(text) <= maxShown && strings.Trim(text, "0123456789.") == "" {
		return 0, fmt.Errorf("is a number without a unit; write %ss, %sm, %sh or %sd", text, text, text, text)
	}
	var sum time.Duration
	for rest := text; rest != "" || text == ""; {
		part, remaining, err := leadingDuration(rest)
		if err != nil || sum+part < sum {
			return 0, errDuration
		}
		sum, rest = sum+part, remaining
	}
	return sum, nil
}

// leadingDuration reads one number with its unit.
func leadingDuration(text string) (part time.Duration, rest string, err error) {
	number := len(text) - len(strings.TrimLeft(text, "0123456789."))
	unit := strings.IndexAny(text[number:], "0123456789.")
	if unit < 0 {
		unit = len(text) - number
	}
	amount, name, rest := text[:number], text[number:number+unit], text[number+unit:]
	factor := time.Duration(1)
	switch name {
	case "d":
		name, factor = "h", 24
	case "w":
		name, factor = "h", 7*24
	}
	part, err = time.ParseDuration(amount + name)
	if err != nil || number == 0 || part > time.Duration(1<<63-1)/factor {
		return 0, "", errDuration
	}
	return part * factor, rest, nil
}

// parseNetwork reads a network (10.0.0.0/8) or a single address.
func (f *field) parseNetwork(text string) (netip.Prefix, error) {
	network, err := netip.ParsePrefix(text)
	if address, single := netip.ParseAddr(text); single == nil && address.Zone() == "" {
		network, err = netip.PrefixFrom(address, address.BitLen()), nil
	}
	switch {
	case err != nil:
		return netip.Prefix{}, fmt.Errorf("%s is no network; write 10.0.0.0/8 or an address", f.show(text))
	case network.Bits() == 0:
		return netip.Prefix{}, fmt.Errorf("%q contains every address; name the networks that you mean", text)
	case network.Addr().Is4In6():
		return netip.Prefix{}, fmt.Errorf("%q is IPv4 within IPv6; write it as IPv4", text)
	}
	return network.Masked(), nil
}
