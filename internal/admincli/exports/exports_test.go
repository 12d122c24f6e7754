package exports_test

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	_ "modernc.org/sqlite"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/internal/admincli/exports"
	"github.com/portaria/portaria/internal/password/legacy"
)

var now = time.Date(2026, 5, 6, 7, 8, 9, 0, time.UTC)

const uuid = "0f3b1a52-3c1e-4a0e-9d7f-0c1e2d3f4a5b"

func read(t *testing.T, text string, o exports.Options) []exports.Entry {
	t.Helper()
	o.Now = now
	r, err := exports.New(strings.NewReader(text), o)
	if err != nil {
		t.Fatal(err)
	}
	var out []exports.Entry
	for {
		e, err := r.Next()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, e)
	}
}

func at(text string) *time.Time {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		panic(err)
	}
	return &t
}

func same(t *testing.T, got []exports.Entry, want ...api.ImportedAccount) {
	t.Helper()
	var accounts []api.ImportedAccount
	for _, e := range got {
		if e.Err != nil {
			t.Errorf("entry %d: %v", e.Number, e.Err)
		}
		accounts = append(accounts, e.Account)
	}
	if diff := cmp.Diff(want, accounts, cmp.Comparer(func(a, b json.RawMessage) bool { return string(a) == string(b) })); diff != "" {
		t.Error(diff)
	}
}

func TestJSONLines(t *testing.T) {
	text := `{"identifier":"ana@example.com","password_hash":"$2b$x","id":"` + uuid + `","created_at":"2020-01-02T03:04:05Z","verified_at":1577934245,"disabled":true,"attributes":{"roles":["a"]}}

	{"identifier":"bia","password_hash":"abcd","salt":"00ff","scheme":"sha256-password-salt","id":42}
{"identifier":"caio","id":7,"attributes":{"plan":"pro"},"created_at":1577934245123}`
	same(t, read(t, text, exports.Options{}),
		api.ImportedAccount{ID: uuid, Identifier: "ana@example.com", PasswordHash: "$2b$x", CreatedAt: at("2020-01-02T03:04:05Z"), VerifiedAt: at("2020-01-02T03:04:05Z"),
			Disabled: true, Attributes: json.RawMessage(`{"roles":["a"]}`)},
		api.ImportedAccount{Identifier: "bia", PasswordHash: "abcd", Salt: "00ff", Scheme: "sha256-password-salt", Attributes: json.RawMessage(`{"user_id":42}`)},
		api.ImportedAccount{Identifier: "caio", CreatedAt: at("2020-01-02T03:04:05.123Z"), Attributes: json.RawMessage(`{"plan":"pro","user_id":7}`)})
}

func TestCSV(t *testing.T) {
	text := "\ufeffidentifier,password_hash,salt,disabled,created_at,attributes,id\r\n" +
		`"da Silva, Ana",$2b$x,,f,2020-01-02 03:04:05.5+00,"{""a"":1}",` + "\r\n" + `bia,,,t,,,9` + "\r\n"
	same(t, read(t, text, exports.Options{}),
		api.ImportedAccount{Identifier: "da Silva, Ana", PasswordHash: "$2b$x", CreatedAt: at("2020-01-02T03:04:05.5Z"), Attributes: json.RawMessage(`{"a":1}`)},
		api.ImportedAccount{Identifier: "bia", Disabled: true, Attributes: json.RawMessage(`{"user_id":9}`)})
}

// Each bad line has its number, and the next one is read.
func TestBadLines(t *testing.T) {
	lines := []struct{ text, want string }{
		{`{"identifier":"good"}`, ""},
		{`{"identifier":`, "not a JSON object"},
		{`[]`, "not a JSON object"},
		{`null`, "not a JSON object"},
		{`{"identifier":"a"} {}`, "not a JSON object"},
		{`{}`, "no identifier"},
		{`{"identifier":"a","password":"x"}`, `member "password" is unknown`},
		{`{"identifier":"a","totp_secret":"x"}`, "second factors"},
		{`{"identifier":"a","recovery_hashes":["x"]}`, "second factors"},
		{`{"identifier":"a","created_at":"yesterday"}`, "created_at is no time"},
		{`{"identifier":"a","verified_at":-1}`, "verified_at is no time"},
		{`{"identifier":"a","disabled":"maybe"}`, "disabled is neither"},
		{`{"identifier":"a","id":"orders"}`, "no UUID and no integer"},
		{`{"identifier":"a","id":"007"}`, "no UUID and no integer"},
		{`{"identifier":"a","id":5,"attributes":{"user_id":6}}`, "has user_id already"},
		{`{"identifier":"a","attributes":"{"}`, "no JSON"},
		{`{"identifier":"a","password_hash":"` + strings.Repeat("x", 2049) + `"}`, "longer than 2048"},
		{`{"identifier":"` + strings.Repeat("x", exports.MaxLine) + `"}`, "longer than 65536 bytes"},
		{`{"identifier":"last"}`, ""},
	}
	var text strings.Builder
	for _, l := range lines {
		text.WriteString(l.text + "\n")
	}
	got := read(t, text.String(), exports.Options{})
	if len(got) != len(lines) {
		t.Fatalf("%d entries of %d lines", len(got), len(lines))
	}
	for i, e := range got {
		if e.Number != i+1 || fmt.Sprint(e.Err) == "<nil>" != (lines[i].want == "") || lines[i].want != "" && !strings.Contains(e.Err.Error(), lines[i].want) {
			t.Errorf("line %d %.60s: number %d, %v, want %q", i+1, lines[i].text, e.Number, e.Err, lines[i].want)
		}
	}
}

func TestBadRows(t *testing.T) {
	got := read(t, "identifier,id\nana,1\nbia\n\"caio,3\nx\"y,4\ndora,5\n", exports.Options{})
	if len(got) < 2 || got[0].Err != nil || got[1].Err == nil || got[1].Number != 3 {
		t.Errorf("%+v", got)
	}
	if _, err := exports.New(strings.NewReader("identifier,password\n"), exports.Options{}); !errors.Is(err, exports.ErrFormat) || !strings.Contains(err.Error(), `"password" is unknown`) {
		t.Error(err)
	}
}

func TestEmptyFiles(t *testing.T) {
	for _, from := range append(exports.Systems(), "") {
		for _, text := range []string{"", " \n\n", "[]"} {
			if got := read(t, text, exports.Options{From: from}); len(got) != 0 {
				t.Errorf("%q of %s: %+v", text, from, got)
			}
		}
	}
}

func TestBrokenDocuments(t *testing.T) {
	for _, text := range []string{`{"users":[{"username":"a"}`, `{"users":[{"username":"a"},`, `{"users":{}}`, `{"realm":"x"}`, `{`, `{"users":[}`, `[{"username":"a"} {}]`} {
		r, err := exports.New(strings.NewReader(text), exports.Options{From: "keycloak"})
		for err == nil {
			_, err = r.Next()
		}
		if !errors.Is(err, exports.ErrFormat) {
			t.Errorf("%s: %v", text, err)
		}
	}
	if got := read(t, `{"users":[1,"x",null,{"username":"a"}]}`, exports.Options{From: "keycloak"}); len(got) != 4 || got[0].Err == nil || got[1].Err == nil || got[2].Err == nil || got[3].Err != nil || got[3].Number != 4 {
		t.Errorf("%+v", got)
	}
}

const hashConfig = `hash_config {
  algorithm: SCRYPT,
  base64_signer_key: jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA==,
  base64_salt_separator: Bw==,
  rounds: 8,
  mem_cost: 14,
}`

// The files have the form that the documentation of each system shows.
func TestSystems(t *testing.T) {
	config, err := exports.ReadHashConfig(strings.NewReader(hashConfig))
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		text     string
		password string // of the first hash; empty if there is none
		want     []api.ImportedAccount
	}{
		"auth0": {
			`{"_id":{"$oid":"60425dc43519d90068f82973"},"email_verified":true,"email":"ana@example.com","passwordHash":"$2b$04$cbRTR.8vOfaR.KvBJ0Ah6etrbcEFydY8uJclFfpshWmCrKHeRj54C","created_at":"2020-01-02T03:04:05Z"}
{"user_id":"auth0|1","email":"bia@example.com","email_verified":false,"blocked":true}`, "correct horse",
			[]api.ImportedAccount{
				{Identifier: "ana@example.com", PasswordHash: "$2b$04$cbRTR.8vOfaR.KvBJ0Ah6etrbcEFydY8uJclFfpshWmCrKHeRj54C", CreatedAt: at("2020-01-02T03:04:05Z"),
					VerifiedAt: at("2020-01-02T03:04:05Z"), Attributes: json.RawMessage(`{"user_id":"60425dc43519d90068f82973"}`)},
				{Identifier: "bia@example.com", Disabled: true, Attributes: json.RawMessage(`{"user_id":"auth0|1"}`)},
			},
		},
		"firebase": {
			`{"users":[{"localId":"abc","email":"ana@example.com","emailVerified":true,"passwordHash":"lSrfV15cpx95_sZS2W9c9Kp6i_LVgQNDNC_qzrCnh1SAyZvqmZqAjTdn3aoItz-VHjoZilo78198JAdRuid5lQ==","salt":"42xEC-ixf3L2lw==","createdAt":"1577934245000","disabled":false}]}`,
			"user1password",
			[]api.ImportedAccount{{Identifier: "ana@example.com", CreatedAt: at("2020-01-02T03:04:05Z"), VerifiedAt: at("2020-01-02T03:04:05Z"), Attributes: json.RawMessage(`{"user_id":"abc"}`),
				PasswordHash: "$fbscrypt$v=1,n=14,r=8,p=1,ss=Bw==,sk=jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA==$42xEC+ixf3L2lw==$lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+VHjoZilo78198JAdRuid5lQ=="}},
		},
		"keycloak": {
			`{"realm":"demo","roles":{"realm":[]},"users":[{"id":"` + uuid + `","username":"ana","email":"ana@example.com","emailVerified":true,"enabled":true,"createdTimestamp":1577934245000,` +
				`"credentials":[{"type":"password","secretData":"{\"value\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\",\"salt\":\"c29tZXNhbHQ=\"}","credentialData":"{\"hashIterations\":1000,\"algorithm\":\"pbkdf2-sha256\"}"}]}],"x":1}`, "",
			[]api.ImportedAccount{{ID: uuid, Identifier: "ana", CreatedAt: at("2020-01-02T03:04:05Z"),
				PasswordHash: `{"credentialData":"{\"hashIterations\":1000,\"algorithm\":\"pbkdf2-sha256\"}","secretData":"{\"value\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\",\"salt\":\"c29tZXNhbHQ=\"}"}`}},
		},
		"supabase": {
			"instance_id,id,aud,email,encrypted_password,email_confirmed_at,created_at,banned_until\n0," + uuid + ",authenticated,ana@example.com,$2a$10$abc,2020-01-02 03:04:05+00,2020-01-02 03:04:05+00,\n", "",
			[]api.ImportedAccount{{ID: uuid, Identifier: "ana@example.com", PasswordHash: "$2a$10$abc", CreatedAt: at("2020-01-02T03:04:05Z"), VerifiedAt: at("2020-01-02T03:04:05Z")}},
		},
		"cognito": {
			`{"Users":[{"Username":"u1","Attributes":[{"Name":"sub","Value":"` + uuid + `"},{"Name":"email","Value":"ana@example.com"},{"Name":"email_verified","Value":"true"}],"UserCreateDate":1577934245.000,"Enabled":false,"UserStatus":"CONFIRMED"}]}`, "",
			[]api.ImportedAccount{{ID: uuid, Identifier: "ana@example.com", CreatedAt: at("2020-01-02T03:04:05Z"), VerifiedAt: at("2020-01-02T03:04:05Z"), Disabled: true}},
		},
		"django": {
			`[{"model":"auth.user","pk":7,"fields":{"password":"sha1$$2f9e53523b62abc141a2b4d6019d23cba835dbd0","username":"ana","email":"ana@example.com","is_active":true,"date_joined":"2020-01-02T03:04:05Z","groups":[]}},
			  {"model":"auth.user","pk":8,"fields":{"password":"!abc","username":"bia","is_active":false}}]`, "correct horse",
			[]api.ImportedAccount{
				{Identifier: "ana", PasswordHash: "sha1$$2f9e53523b62abc141a2b4d6019d23cba835dbd0", CreatedAt: at("2020-01-02T03:04:05Z"), Attributes: json.RawMessage(`{"user_id":7}`)},
				{Identifier: "bia", Disabled: true, Attributes: json.RawMessage(`{"user_id":8}`)},
			},
		},
		"flask": {
			"id,email,password,active,confirmed_at\n3,ana@example.com,$argon2id$x,1,2020-01-02 03:04:05\n4,bia@example.com,y,0,\n", "",
			[]api.ImportedAccount{
				{Identifier: "ana@example.com", PasswordHash: "$argon2id$x", VerifiedAt: at("2020-01-02T03:04:05Z"), Attributes: json.RawMessage(`{"user_id":3}`)},
				{Identifier: "bia@example.com", PasswordHash: "y", Disabled: true, Attributes: json.RawMessage(`{"user_id":4}`)},
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := read(t, c.text, exports.Options{From: name, Firebase: config})
			same(t, got, c.want...)
			if c.password == "" {
				return
			}
			h, err := legacy.Parse(legacy.Source{Text: got[0].Account.PasswordHash})
			if err != nil {
				t.Fatal(err)
			}
			if digest, err := h.Digest([]byte(c.password)); err != nil || !h.Matches(digest) {
				t.Errorf("the password does not match: %v", err)
			}
		})
	}
}

func TestIdentifierOfChoice(t *testing.T) {
	got := read(t, `[{"model":"auth.user","pk":7,"fields":{"username":"ana","email":"ana@example.com"}}]`, exports.Options{From: "django", Identifier: "email"})
	same(t, got, api.ImportedAccount{Identifier: "ana@example.com", Attributes: json.RawMessage(`{"user_id":7}`)})
}

func TestSecondFactorsOfKeycloak(t *testing.T) {
	got := read(t, `{"users":[{"username":"ana","credentials":[{"type":"otp"}]}]}`, exports.Options{From: "keycloak"})
	if len(got) != 1 || got[0].Err == nil || !strings.Contains(got[0].Err.Error(), `"otp"`) {
		t.Errorf("%+v", got)
	}
}

func TestHashConfig(t *testing.T) {
	for _, missing := range []string{"base64_signer_key", "base64_salt_separator", "rounds", "mem_cost"} {
		if _, err := exports.ReadHashConfig(strings.NewReader(strings.ReplaceAll(hashConfig, missing, "other"))); !errors.Is(err, exports.ErrFormat) {
			t.Errorf("without %s: %v", missing, err)
		}
	}
	if got := read(t, `{"users":[{"email":"a@example.com","passwordHash":"x"}]}`, exports.Options{From: "firebase"}); got[0].Err == nil {
		t.Error("a hash without the parameters is read")
	}
}

// FuzzRead: whatever the file, the reader ends, and an account without an error has
// an identifier.
func FuzzRead(f *testing.F) {
	for _, from := range append(exports.Systems(), "") {
		for _, text := range []string{`{"identifier":"a"}`, "identifier,id\na,1\n", `{"users":[{"email":"a"}]}`, `[{"pk":1,"fields":{"username":"a"}}]`, `{"Users":[{"Attributes":[{"Name":"email","Value":{}}]}]}`} {
			f.Add(from, text)
		}
	}
	f.Fuzz(func(t *testing.T, from, text string) {
		r, err := exports.New(strings.NewReader(text), exports.Options{From: from})
		for n := 0; err == nil; n++ {
			var e exports.Entry
			if e, err = r.Next(); err == nil && e.Err == nil && e.Account.Identifier == "" {
				t.Errorf("%q: %+v", text, e)
			}
			if n > len(text)+2 {
				t.Fatalf("%q does not end", text)
			}
		}
	})
}

// The SQL of the guide writes lines that can be read.
func TestSQLOfTheGuide(t *testing.T) {
	guide, err := os.ReadFile("../../../docs/guides/migration.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(guide), "```sql\n")
	statement, _, found := strings.Cut(rest, "```")
	if !found {
		t.Fatal("the guide shows no SQL")
	}
	db, err := sql.Open("sqlite", ":memory:")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	for _, step := range []string{
		`CREATE TABLE users (id INTEGER, email TEXT, created_at TEXT, blocked INTEGER)`, `CREATE TABLE passwords (user_id INTEGER, digest TEXT, salt TEXT)`,
		`INSERT INTO users VALUES (17, 'ana@example.com', '2020-01-02 03:04:05', 0), (18, 'bia "x"@example.com', NULL, 1)`,
		`INSERT INTO passwords VALUES (17, 'abcd', '00ff'), (18, 'ef', NULL)`,
	} {
		if _, err := db.Exec(step); err != nil {
			t.Fatal(err)
		}
	}
	rows, err := db.Query(statement)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var lines strings.Builder
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			t.Fatal(err)
		}
		lines.WriteString(line + "\n")
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	same(t, read(t, lines.String(), exports.Options{}),
		api.ImportedAccount{Identifier: "ana@example.com", PasswordHash: "abcd", Salt: "00ff", Scheme: "sha256-salt-password", CreatedAt: at("2020-01-02T03:04:05Z"),
			Attributes: json.RawMessage(`{"user_id":17}`)},
		api.ImportedAccount{Identifier: `bia "x"@example.com`, PasswordHash: "ef", Scheme: "sha256-salt-password", Disabled: true, Attributes: json.RawMessage(`{"user_id":18}`)})
}
