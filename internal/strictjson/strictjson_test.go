package strictjson_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/portaria/portaria/internal/strictjson"
)

func TestStrictJSON(t *testing.T) {
	accept := func(text string) {
		t.Helper()
		if _, err := strictjson.Parse([]byte(text)); err != nil {
			t.Errorf("%q: %v", text, err)
		}
		if !json.Valid([]byte(text)) {
			t.Errorf("%q: not JSON at all", text)
		}
	}
	refuse := func(text string) {
		t.Helper()
		if _, err := strictjson.Parse([]byte(text)); !errors.Is(err, strictjson.ErrInvalid) {
			t.Errorf("%q: %v, want ErrInvalid", text, err)
		}
	}
	members := func(n int) string {
		var b strings.Builder
		for i := range n {
			b.WriteString(`,"` + strings.Repeat("m", i+1) + `":1`)
		}
		return "{" + b.String()[1:] + "}"
	}
	nested := func(n int) string {
		return `{"a":` + strings.Repeat("[", n-1) + strings.Repeat("]", n-1) + "}"
	}

	accept(`{}`)
	accept(" {\t} \r\n")
	accept(`{"a":-0.5E+10,"b":0,"c":"","d":[ ],"e":{ },"f":[1,"2",null]}`)
	accept(`{"a":"\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00"}`)
	accept("{\"a\":\"\ufffd\"}") // as a character of its own, not from bytes that are not UTF-8
	accept(`{"a":{"x":1},"b":{"x":1}}`)
	accept(members(100))
	accept(nested(16))
	accept(strings.Repeat(`{"a":`, 16) + "1" + strings.Repeat("}", 16))

	refuse(members(101))
	refuse(nested(17))
	refuse(strings.Repeat(`{"a":`, 17) + "1" + strings.Repeat("}", 17))
	refuse(``)
	refuse(`{`)
	refuse(`}`)
	refuse(`[]`)
	refuse(`null`)
	refuse(`{}{}`)
	refuse(`{} x`)
	refuse("{}\x00")
	refuse(`{"a"}`)
	refuse(`{"a" 1}`)
	refuse(`{"a":}`)
	refuse(`{"a":1,}`)
	refuse(`{,"a":1}`)
	refuse(`{"a":1 "b":2}`)
	refuse(`{a:1}`)
	refuse(`{'a':1}`)
	refuse(`{"a":01}`)
	refuse(`{"a":+1}`)
	refuse(`{"a":.5}`)
	refuse(`{"a":1.}`)
	refuse(`{"a":1e}`)
	refuse(`{"a":1e+}`)
	refuse(`{"a":-}`)
	refuse(`{"a":NaN}`)
	refuse(`{"a":1e400}`)
	refuse(`{"a":[-1.5E+999]}`)
	refuse(`{"a":` + strings.Repeat("9", 400) + `}`)
	refuse(`{"a":0x10}`)
	refuse(`{"a":tru}`)
	refuse(`{"a":falsey}`)
	refuse(`{"a":nul`)
	refuse(`{"a":[1,]}`)
	refuse(`{"a":[1 2]}`)
	refuse(`{"a":[1}`)
	refuse(`{"a":"`)
	refuse(`{"a":"\`)
	refuse(`{"a":"\x"}`)
	refuse(`{"a":"\u12"}`)
	refuse(`{"a":"\u12g4"}`)
	refuse(`{"a":"\ud800"}`)
	refuse(`{"a":"\ud800\u0041"}`)
	refuse(`{"a":"\udc00"}`)
	refuse(`{"a":"\udc00\udc00"}`)
	refuse(`{"a":"\ud800\ud800"}`)
	refuse(`{"a":"\ud83d\ndc00"}`) // the second unit has another letter than u
	refuse("{\"a\":\"\n\"}")
	refuse("{\"a\":\"\xff\"}")
	refuse("{\"\xc3\":1}")
	refuse("\ufeff{}")
	refuse(`{/**/}`)
	refuse(`{"a":1,"a":1}`)
	refuse(`{"a":1,"\u0061":1}`)
	refuse(`{"x":[{"a":1,"a":1}]}`)
	refuse(`{"é":1,"\u00E9":1}`)
}

func TestNamesAreExact(t *testing.T) {
	object, err := strictjson.Parse([]byte(`{"EXP":1,"\u0065xp":2,"exp ":3}`))
	if err != nil {
		t.Fatal(err)
	}
	if v, ok := object.Get("exp"); !ok || string(v) != "2" {
		t.Errorf("exp = %s, %v; want 2", v, ok)
	}
	if _, ok := object.Get("Exp"); ok {
		t.Error("Exp was found; want exact names only")
	}
}

func value(t testing.TB, text string) strictjson.Value {
	t.Helper()
	object, err := strictjson.Parse([]byte(`{"v":` + text + `}`))
	if err != nil {
		t.Fatal(err)
	}
	v, _ := object.Get("v")
	return v
}

func TestDates(t *testing.T) {
	accept := func(text string, want time.Time) {
		t.Helper()
		if got, err := value(t, text).Date(); err != nil || !got.Equal(want) || got.Location() != time.UTC {
			t.Errorf("%s: %v, %v; want %v", text, got, err, want)
		}
	}
	refuse := func(text string) {
		t.Helper()
		if got, err := value(t, text).Date(); !errors.Is(err, strictjson.ErrInvalid) {
			t.Errorf("%s: %v, %v; want ErrInvalid", text, got, err)
		}
	}
	accept("0", time.Unix(0, 0))
	accept("1700000000", time.Unix(1700000000, 0))
	accept("1700000000.5", time.UnixMilli(1700000000500))
	accept("1.7e9", time.Unix(1700000000, 0))
	accept("253402300799", time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC))
	refuse("253402300800")
	refuse("9223372036854775807")
	refuse("9223372036854775808")
	refuse("18446744073709551616")
	refuse("1e12")
	refuse("1e300")
	refuse("-1")
	refuse("-0.5")
	refuse(`"1700000000"`)
	refuse("true")
	refuse("null")
	refuse("[]")
}

func TestWholeNumbers(t *testing.T) {
	if got, err := value(t, "9223372036854775807").Int(); err != nil || got != math.MaxInt64 {
		t.Errorf("greatest: %d, %v", got, err)
	}
	for _, text := range []string{"9223372036854775808", "-1", "1.0", "1e2", `"1"`, "null"} {
		if got, err := value(t, text).Int(); !errors.Is(err, strictjson.ErrInvalid) {
			t.Errorf("%s: %d, %v; want ErrInvalid", text, got, err)
		}
	}
}

func TestTypedValues(t *testing.T) {
	texts := func(text string, want []string) {
		t.Helper()
		got, err := value(t, text).TextOrTexts()
		if diff := cmp.Diff(want, got); diff != "" || (err == nil) != (want != nil) {
			t.Errorf("%s: %v, %v; want %v", text, got, err, want)
		}
	}
	texts(`"a"`, []string{"a"})
	texts(`["a", "\u0062" ]`, []string{"a", "b"})
	texts(`[]`, []string{})
	texts(`["a",1]`, nil)
	texts(`[["a"]]`, nil)
	texts(`{"a":"b"}`, nil)
	texts(`1`, nil)
	texts(`null`, nil)
	if _, err := value(t, `"a"`).Texts(); !errors.Is(err, strictjson.ErrInvalid) {
		t.Errorf("a string as array: %v", err)
	}
	for text, want := range map[string]bool{"true": true, "false": true, `"true"`: false, "1": false, "null": false} {
		if _, err := value(t, text).Bool(); (err == nil) != want {
			t.Errorf("%s as boolean: %v", text, err)
		}
	}
	if _, err := strictjson.Value(nil).Text(); !errors.Is(err, strictjson.ErrInvalid) {
		t.Errorf("nothing as text: %v", err)
	}
}

// FuzzObject: what is accepted here, Go's decoder accepts too, and it reads
// the same names and values.
func FuzzObject(f *testing.F) {
	for _, seed := range []string{
		`{}`, `{"alg":"ES256","kid":"a"}`, `{"a":[1,{"b":null}],"c":-1.5e3}`, `{"\u0061":"\ud83d\ude00"}`,
		`{"a":1,"a":2}`, `{"aud":["a","b"],"exp":1700000000}`, "{\"a\":\"\xff\"}", `{"a":"\ud800"}`,
	} {
		for n := range seed { // what is cut off must be refused, and panic nowhere
			f.Add([]byte(seed[:n]))
		}
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		object, err := strictjson.Parse(text)
		if err != nil {
			return
		}
		var oracle map[string]json.RawMessage
		if err := json.Unmarshal(text, &oracle); err != nil {
			t.Fatalf("accepted, but Go says: %v", err)
		}
		if len(object) != len(oracle) {
			t.Fatalf("%d members, Go reads %d", len(object), len(oracle))
		}
		for _, m := range object {
			if string(oracle[m.Name]) != string(m.Value) {
				t.Errorf("%q: %s, Go reads %s", m.Name, m.Value, oracle[m.Name])
			}
		}
	})
}

// TestLimitsOfJSON: an object has 100 members, and values nest 16 deep, counted
// with the object itself; one more is refused. Inner objects have the same bound.
func TestLimitsOfJSON(t *testing.T) {
	members := func(n int) string {
		var all []string
		for i := range n {
			all = append(all, fmt.Sprintf(`"m%d":%d`, i, i))
		}
		return "{" + strings.Join(all, ",") + "}"
	}
	nested := func(open, closing string, n int) string {
		return `{"a":` + strings.Repeat(open, n-1) + "1" + strings.Repeat(closing, n-1) + "}"
	}
	for text, want := range map[string]error{
		members(100): nil, members(101): strictjson.ErrInvalid,
		`{"a":` + members(100) + `}`: nil, `{"a":` + members(101) + `}`: strictjson.ErrInvalid,
		nested("[", "]", 16): nil, nested("[", "]", 17): strictjson.ErrInvalid,
		nested(`{"a":`, "}", 16): nil, nested(`{"a":`, "}", 17): strictjson.ErrInvalid,
	} {
		if _, err := strictjson.Parse([]byte(text)); !errors.Is(err, want) {
			t.Errorf("%.40s… of %d bytes: %v, want %v", text, len(text), err, want)
		}
	}
}

// Callers can raise the limits; a limit is exact then, too.
func TestOtherLimits(t *testing.T) {
	limits := strictjson.Limits{Members: 1000, Depth: 2}
	members := func(n int, last string) []byte {
		var b strings.Builder
		b.WriteString("{")
		for i := range n - 1 {
			fmt.Fprintf(&b, `"m%d":[],`, i)
		}
		return []byte(b.String() + last + "}")
	}
	if o, err := limits.Parse(members(1000, `"x":1`)); err != nil || len(o) != 1000 {
		t.Errorf("1000 members: %d, %v", len(o), err)
	}
	for name, text := range map[string][]byte{
		"1001 members":       members(1001, `"x":1`),
		"3 levels":           []byte(`{"a":[[]]}`),
		"an early duplicate": members(900, `"m0":1`),
		"a late duplicate":   members(900, `"m898":1`),
	} {
		if _, err := limits.Parse(text); !errors.Is(err, strictjson.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// An error names the member at fault and the byte, and repeats no text of the caller.
func TestErrors(t *testing.T) {
	for text, want := range map[string]strictjson.Error{
		``:                         {Reason: "value expected"},
		`[1] `:                     {Reason: strictjson.NotObject},
		` null`:                    {Reason: strictjson.NotObject, At: 1},
		`[1`:                       {Reason: "comma expected", At: 2},
		`{"a":1,"a":2}`:            {Reason: strictjson.Duplicate, At: 12, Path: "a"},
		`{"a":{"b":1,"b":2}}`:      {Reason: strictjson.Duplicate, At: 17, Path: "a.b"},
		`{"a":[0,{"b":[1e999]}]}`:  {Reason: strictjson.OutOfRange, At: 19, Path: "a[1].b[0]"},
		`{"a":1} {`:                {Reason: "text after the end", At: 8},
		`{"a":"` + "\xff" + `"}`:   {Reason: "invalid UTF-8", At: 6, Path: "a"},
		`{"\u0061":{"secret":tru}`: {Reason: "unknown word", At: 20, Path: "a.secret"},
	} {
		_, err := strictjson.Parse([]byte(text))
		var got *strictjson.Error
		if !errors.As(err, &got) || *got != want || !errors.Is(err, strictjson.ErrInvalid) {
			t.Errorf("%q: %+v, want %+v", text, got, want)
		}
		if strings.Contains(fmt.Sprint(err), "secret") {
			t.Errorf("%q: %v", text, err)
		}
	}
}
