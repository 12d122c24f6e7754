package clients_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/portaria/portaria/internal/clients"
	"github.com/portaria/portaria/internal/jose"
)

// TestLimitsOfAClient tries each limit at its value and one unit beyond.
func TestLimitsOfAClient(t *testing.T) {
	const day = 24 * time.Hour
	texts := func(n int) []string {
		list := make([]string, n)
		for i := range list {
			list[i] = "x" + strings.Repeat("a", i)
		}
		return list
	}
	signing := string(newKey(t, "ES256").PublicJWK())
	padded := func(n int) string { return signing + strings.Repeat(" ", n-len(signing)) }
	robot := func(p clients.Policy) func(*clients.Client) { return func(c *clients.Client) { c.Policy = p } }
	for name, test := range map[string]struct {
		change func(*clients.Client)
		want   string // the fields at fault
	}{
		"audience of 255":             {func(c *clients.Client) { c.Audiences = []string{strings.Repeat("a", 255)} }, ""},
		"audience of 256":             {func(c *clients.Client) { c.Audiences = []string{strings.Repeat("a", 256)} }, "audiences"},
		"audience ! to }":             {func(c *clients.Client) { c.Audiences = []string{"!~"} }, ""},
		"audience with DEL":           {func(c *clients.Client) { c.Audiences = []string{"a\x7f"} }, "audiences"},
		"empty audience":              {func(c *clients.Client) { c.Audiences = []string{""} }, "audiences"},
		"scope of 128":                {func(c *clients.Client) { c.Scopes = []string{strings.Repeat("a", 128)} }, ""},
		"scope of 129":                {func(c *clients.Client) { c.Scopes = []string{strings.Repeat("a", 129)} }, "scopes"},
		"scope with DEL":              {func(c *clients.Client) { c.Scopes = []string{"a\x7f"} }, "scopes"},
		"50 scopes":                   {func(c *clients.Client) { c.Scopes = texts(50) }, ""},
		"51 scopes":                   {func(c *clients.Client) { c.Scopes = texts(51) }, "scopes"},
		"scope twice":                 {func(c *clients.Client) { c.Scopes = []string{"a", "b", "a"} }, "scopes"},
		"id of 64":                    {func(c *clients.Client) { c.ID = strings.Repeat("a", 64) }, ""},
		"id of 65":                    {func(c *clients.Client) { c.ID = strings.Repeat("a", 65) }, "id"},
		"leading space":               {func(c *clients.Client) { c.Name = " a" }, "name"},
		"spaces alone":                {func(c *clients.Client) { c.Name = "  " }, "name"},
		"key of 16 KiB":               {func(c *clients.Client) { c.PublicKey = padded(16 << 10) }, ""},
		"key of a byte more":          {func(c *clients.Client) { c.PublicKey = padded(16<<10 + 1) }, "public_key"},
		"idle for 400 days":           {app(clients.Policy{Idle: 400 * day}), ""},
		"idle for a second more":      {app(clients.Policy{Idle: 400*day + time.Second}), "refresh_ttl"},
		"idle for a second":           {app(clients.Policy{Idle: time.Second}), ""},
		"idle for less":               {app(clients.Policy{Idle: time.Second - 1}), "refresh_ttl"},
		"session of 400 days":         {app(clients.Policy{Absolute: 400 * day}), ""},
		"session of a second more":    {app(clients.Policy{Absolute: 400*day + time.Second}), "session_ttl"},
		"idle to the end":             {app(clients.Policy{Idle: time.Hour, Absolute: time.Hour}), ""},
		"idle a second beyond":        {app(clients.Policy{Idle: time.Hour + time.Second, Absolute: time.Hour}), "refresh_ttl"},
		"idle without an end":         {app(clients.Policy{Idle: time.Hour}), ""},
		"token to the end":            {app(clients.Policy{AccessTTL: time.Hour, Absolute: time.Hour}), ""},
		"token a second beyond":       {app(clients.Policy{AccessTTL: time.Hour + time.Second, Absolute: time.Hour}), "access_ttl"},
		"retry for 30 days":           {app(clients.Policy{RefreshRetry: 30 * day}), ""},
		"retry for a second more":     {app(clients.Policy{RefreshRetry: 30*day + time.Second}), "refresh_retry"},
		"retry as long as the token":  {app(clients.Policy{RefreshRetry: time.Minute, AccessTTL: time.Minute}), ""},
		"retry a second longer":       {app(clients.Policy{RefreshRetry: time.Minute + time.Second, AccessTTL: time.Minute}), "refresh_retry"},
		"one token, retry":            {app(clients.Policy{RefreshRetry: time.Minute, NoRefresh: true}), "refresh_retry"},
		"one token, no rotation":      {app(clients.Policy{NoRotation: true, NoRefresh: true}), "rotation"},
		"no rotation":                 {app(clients.Policy{NoRotation: true}), ""},
		"service that retries":        {robot(clients.Policy{RefreshRetry: time.Second}), "refresh_retry"},
		"service without rotation":    {robot(clients.Policy{NoRotation: true}), "rotation"},
		"service that idles":          {robot(clients.Policy{Idle: time.Second}), "refresh_ttl"},
		"service with a session":      {robot(clients.Policy{Absolute: time.Second}), "session_ttl"},
		"service with a token's life": {robot(clients.Policy{AccessTTL: time.Second}), ""},
	} {
		t.Run(name, func(t *testing.T) {
			err := with(service("orders"), test.change).Validate()
			if got := strings.Join(fields(err), " "); got != test.want || (err == nil) != (test.want == "") {
				t.Errorf("faults %q (%v), want %q", got, err, test.want)
			}
		})
	}
}

// TestFaultsCountFromOne: the number is that of the list as people read it.
func TestFaultsCountFromOne(t *testing.T) {
	for want, change := range map[string]func(*clients.Client){
		"number 2 must be":                 func(c *clients.Client) { c.Audiences = []string{"a", "b c"} },
		"number 3 is there already":        func(c *clients.Client) { c.Audiences = []string{"a", "b", "a"} },
		"number 2 is no scope of Portaria": func(c *clients.Client) { c.Scopes = []string{"stock:read", "events:reed"} },
		"number 2 begins like a scope":     func(c *clients.Client) { c.Scopes = []string{"stock:read", "events:everything"} },
		"key 2 of the set": func(c *clients.Client) {
			c.PublicKey = string(jose.KeySetJSON([][]byte{newKey(t, "ES256").PublicJWK(), []byte(`{"kty":"AKP"}`)}))
		},
	} {
		if err := with(service("orders"), change).Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

func TestLengthOfSecrets(t *testing.T) {
	for n, ok := range map[int]bool{1: false, 31: false, 32: true, 256: true, 257: false} {
		d := clients.Described{Client: service("x"), Secret: clients.Plain(strings.Repeat("s", n))}
		if err := d.Validate(); (err == nil) != ok {
			t.Errorf("%d characters in the settings: %v", n, err)
		}
	}
	d := openDesk(t)
	long := strings.Repeat("s", 256)
	d.register(clients.Client{ID: "long", Kind: clients.Service, Secrets: []clients.Secret{hashed(long)}})
	d.admit(clients.Shown{ClientID: "long", Secret: clients.Plain(long)}, "long")
}

// TestDescriptionsSayWhatIsWrong: a description without a secret is good, and each
// fault is one of its field alone.
func TestDescriptionsSayWhatIsWrong(t *testing.T) {
	public := string(newKey(t, "ES256").PublicJWK())
	keyed := with(service("x"), func(c *clients.Client) { c.PublicKey = public })
	portal := clients.Client{ID: "portal", Kind: clients.App}
	for name, test := range map[string]struct {
		in   clients.Described
		want string
	}{
		"no secret":              {clients.Described{Client: service("x")}, ""},
		"no name":                {clients.Described{Client: with(service("x"), func(c *clients.Client) { c.Name = "" })}, ""},
		"a key":                  {clients.Described{Client: keyed}, ""},
		"a key and a secret":     {clients.Described{Client: keyed, Secret: fileSecret}, "secret_file"},
		"public":                 {clients.Described{Client: portal}, ""},
		"public, with scopes":    {clients.Described{Client: with(portal, scopes("events:read"))}, "scopes"},
		"a secret, with scopes":  {clients.Described{Client: with(portal, scopes("events:read")), Secret: fileSecret}, ""},
		"a key, with scopes":     {clients.Described{Client: with(portal, func(c *clients.Client) { c.Scopes, c.PublicKey = []string{"events:read"}, public })}, ""},
		"a secret and no id":     {clients.Described{Client: with(service("x"), func(c *clients.Client) { c.ID = "" }), Secret: fileSecret}, "id"},
		"nothing right about it": {clients.Described{Client: clients.Client{ID: "-"}, Secret: "short"}, "id kind secret_file"},
	} {
		err := test.in.Validate()
		if got := strings.Join(fields(err), " "); got != test.want || (err == nil) != (test.want == "") {
			t.Errorf("%s: faults %q (%v), want %q", name, got, err, test.want)
		}
	}
}

// TestSettledAudiences: what the settings say of an audience, no client of its
// name may say as well.
func TestSettledAudiences(t *testing.T) {
	sealing := string(newKey(t, "ECDH-ES").PublicJWK())
	for field, change := range map[string]func(*clients.Client){
		"profile":        func(c *clients.Client) { c.Profile = "jwt" },
		"encryption_key": func(c *clients.Client) { c.EncryptionKey = sealing },
	} {
		h := newHouse(t)
		settled, free := with(service("settled"), change), with(service("free"), change)
		_, _, err := h.Create(t.Context(), clients.Registration{Client: settled}, start)
		if got := fields(err); !slices.Equal(got, []string{field}) {
			t.Errorf("created: %v", err)
		}
		_, err = h.Describe(t.Context(), []clients.Described{{Client: settled}}, start)
		if got := fields(err); !slices.Equal(got, []string{field}) {
			t.Errorf("described: %v", err)
		}
		h.created(free)
		h.created(service("settled")) // it says nothing of its tokens
		h.ok(h.Check(t.Context()))
		h.ok(h.Delete(t.Context(), "settled", start))

		// The settings change after it was registered.
		settled.CreatedAt = start
		h.ok(h.Store.CreateClient(t.Context(), settled))
		if got := fields(h.Check(t.Context())); !slices.Equal(got, []string{field}) {
			t.Errorf("checked: %v", got)
		}
		h.ok(h.Disable(t.Context(), "settled", start))
		h.ok(h.Check(t.Context())) // no tokens are issued for it
		if got := fields(h.Enable(t.Context(), "settled", start)); !slices.Equal(got, []string{field}) || !h.client("settled").Disabled() {
			t.Errorf("enabled: %v", got)
		}
	}
}

// TestSecretsUnderKeysThatChange: new secrets are hashed under the first key, and
// those under any of the keys are accepted.
func TestSecretsUnderKeysThatChange(t *testing.T) {
	next := clients.Key("another key of the server, 32 b.")
	h := newHouse(t)
	underOnly := h.created(service("a"))
	var keys []clients.Key
	h.Keys = func() []clients.Key { return keys }
	underNone := h.created(service("b")) // no list: the key itself counts
	keys = []clients.Key{next, key}
	underNext := h.created(service("c"))
	for id, test := range map[string]struct {
		plain clients.Plain
		key   clients.Key
	}{"a": {underOnly, key}, "b": {underNone, key}, "c": {underNext, next}} {
		if !h.client(id).HasSecret(clients.Hash(test.key, test.plain)) {
			t.Errorf("the secret of %s is hashed under another key", id)
		}
	}
	for name, test := range map[string]struct {
		keys []clients.Key
		want []bool // whether a and c are proved
	}{
		"both":     {[]clients.Key{next, key}, []bool{true, true}},
		"reversed": {[]clients.Key{key, next}, []bool{true, true}},
		"next":     {[]clients.Key{next}, []bool{false, true}},
		"none":     {nil, []bool{false, false}},
	} {
		p := clients.NewProver(h.Store, key).WithKeys(func() []clients.Key { return test.keys })
		for i, shown := range []clients.Shown{{ClientID: "a", Secret: underOnly}, {ClientID: "c", Secret: underNext}} {
			if _, err := p.Prove(t.Context(), shown, start); (err == nil) != test.want[i] {
				t.Errorf("%s: %s: %v", name, shown.ClientID, err)
			}
		}
	}
}

// TestDoubtsNameOnlyRegisteredClients: the log says why, and never repeats what
// was sent in the place of a name.
func TestDoubtsNameOnlyRegisteredClients(t *testing.T) {
	d := openDesk(t)
	d.register(clients.Client{ID: "orders", Kind: clients.Service, Secrets: []clients.Secret{hashed("secret")}})
	d.register(clients.Client{ID: "closed", Kind: clients.Service, Secrets: []clients.Secret{hashed("secret")}})
	must(t, d.store.DisableClient(t.Context(), "closed", start))
	for want, shown := range map[string]clients.Shown{
		"client not authenticated: no client has this id":                                              {ClientID: "pcs_stray", Secret: "secret"},
		"client not authenticated: client orders: client authentication required, no credentials sent": {ClientID: "orders"},
		"client not authenticated: client orders: wrong client secret":                                 {ClientID: "orders", Secret: "another"},
		"client not authenticated: client closed: client disabled":                                     {ClientID: "closed", Secret: "secret"},
		"client not authenticated: client closed: wrong client secret":                                 {ClientID: "closed", Secret: "another"},
	} {
		if _, err := d.Prove(t.Context(), shown, start); err == nil || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

func TestLengthOfAnAssertionsID(t *testing.T) {
	k := generate(t, jose.ES256)
	d := openAssertionDesk(t, k)
	show := func(jti string) clients.Shown {
		return clients.Shown{Assertion: compact(t, k, headerOf(k), good().with(claims{"jti": jti}))}
	}
	for _, jti := range []string{"j", " ~", strings.Repeat("j", 255)} {
		d.admit(show(jti), "orders")
	}
	for _, jti := range []string{"", strings.Repeat("j", 256), "a\x1f", "a\x7f", "é"} {
		d.refuse("jti "+jti, show(jti))
	}
}

// TestLifeOfAnAssertion tries exp, iat and nbf at each bound and a second beyond.
func TestLifeOfAnAssertion(t *testing.T) {
	k := generate(t, jose.ES256)
	d := openAssertionDesk(t, k)
	for _, test := range []struct {
		claim string
		after time.Duration
		ok    bool
	}{
		{"exp", 0, false}, {"exp", time.Second, true},
		{"exp", 5*time.Minute + 30*time.Second, true}, {"exp", 5*time.Minute + 31*time.Second, false},
		{"iat", 30 * time.Second, true}, {"iat", 31 * time.Second, false},
		{"nbf", 30 * time.Second, true}, {"nbf", 31 * time.Second, false},
	} {
		shown := clients.Shown{Assertion: compact(t, k, headerOf(k), good().with(claims{test.claim: start.Add(test.after).Unix()}))}
		if _, err := d.Prove(t.Context(), shown, start); (err == nil) != test.ok {
			t.Errorf("%s after %v: %v", test.claim, test.after, err)
		}
	}
}

// TestProofsAreSpentOnce: an assertion that could not be remembered can be spent
// again, and one that was is not written twice.
func TestProofsAreSpentOnce(t *testing.T) {
	k := generate(t, jose.ES256)
	d := openAssertionDesk(t, k)
	broken := errors.New("no store")
	f := &forgetful{ProofStore: d.store, fail: broken}
	prover := clients.NewProver(f, key, issuer)
	proof, err := prover.Examine(t.Context(), clients.Shown{Assertion: compact(t, k, headerOf(k), good())}, start)
	must(t, err)
	if f.uses != 0 {
		t.Error("examining an assertion uses it")
	}
	if err := proof.Spend(t.Context()); !errors.Is(err, broken) || errors.Is(err, clients.ErrNotProved) {
		t.Errorf("a store that fails: %v", err)
	}
	f.fail = nil
	for range 3 {
		must(t, proof.Spend(t.Context()))
	}
	if f.uses != 2 {
		t.Errorf("written %d times", f.uses)
	}
	must(t, (*clients.Proof)(nil).Spend(t.Context()))
	must(t, (&clients.Proof{}).Spend(t.Context()))
	f.fail = broken
	if c, err := prover.Prove(t.Context(), clients.Shown{Assertion: compact(t, k, headerOf(k), good())}, start); !errors.Is(err, broken) || c.ID != "" {
		t.Errorf("proved by an assertion that could not be remembered: %v", err)
	}
}

type forgetful struct {
	clients.ProofStore
	fail error
	uses int
}

func (f *forgetful) UseAssertion(ctx context.Context, clientID, jti string, expires time.Time) error {
	if f.uses++; f.fail != nil {
		return f.fail
	}
	return f.ProofStore.UseAssertion(ctx, clientID, jti, expires)
}

// TestDirectoryReportsErrors of its store: nothing is taken for done.
func TestDirectoryReportsErrors(t *testing.T) {
	h := newHouse(t)
	h.describes(clients.Described{Client: service("a")})
	good, broken := h.Store, errors.New("no store")
	for name, step := range map[string]func() error{
		"create": func() error {
			_, _, err := h.Create(t.Context(), clients.Registration{Client: service("b")}, start)
			return err
		},
		"describe": func() error {
			_, err := h.Describe(t.Context(), []clients.Described{{Client: service("b")}}, start)
			return err
		},
		"withdraw":    func() error { _, err := h.Describe(t.Context(), nil, start); return err },
		"check":       func() error { return h.Check(t.Context()) },
		"rotate":      func() error { _, err := h.RotateSecret(t.Context(), "a", start); return err },
		"drop secret": func() error { return h.DropOldSecret(t.Context(), "a", start) },
		"disable":     func() error { return h.Disable(t.Context(), "a", start) },
		"enable":      func() error { return h.Enable(t.Context(), "a", start) },
		"delete":      func() error { return h.Delete(t.Context(), "a", start) },
	} {
		for _, reads := range []bool{true, false} {
			h.Store = refusing{good, broken, reads}
			err := step()
			unread := name == "check" || name == "delete" // it only reads, or is refused before it writes
			if !errors.Is(err, broken) && (reads || !unread) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	h.Store = good
	h.stands("a: usable by settings")
}

// refusing is a store whose writes fail, and its reads where reads is set.
type refusing struct {
	clients.Store
	err   error
	reads bool
}

func (r refusing) Client(ctx context.Context, id string) (clients.Client, error) {
	if r.reads {
		return clients.Client{}, r.err
	}
	return r.Store.Client(ctx, id)
}

func (r refusing) Clients(ctx context.Context, after string, limit int) ([]clients.Client, error) {
	if r.reads {
		return nil, r.err
	}
	return r.Store.Clients(ctx, after, limit)
}

func (r refusing) CreateClient(context.Context, clients.Client) error { return r.err }
func (r refusing) DescribeClient(context.Context, clients.Client, time.Time) error {
	return r.err
}
func (r refusing) WithdrawClient(context.Context, string, time.Time) (bool, error) {
	return false, r.err
}
func (r refusing) AddSecret(context.Context, string, clients.Secret) error { return r.err }
func (r refusing) DropSecrets(context.Context, string, time.Time) error    { return r.err }
func (r refusing) DisableClient(context.Context, string, time.Time) error  { return r.err }
func (r refusing) EnableClient(context.Context, string, time.Time) error   { return r.err }
func (r refusing) DeleteClient(context.Context, string, time.Time) error   { return r.err }

const goodPayload = `{"iss":"orders","sub":"orders","aud":["` + issuer + `"],"exp":1772366460,"iat":1772366400.5,"nbf":1,"jti":"a\u00e9","x":[{"y":null}]}`

// FuzzAssertion signs anything as the claims of an assertion: it is refused or
// good, and panics nowhere.
func FuzzAssertion(f *testing.F) {
	for n := range goodPayload {
		f.Add(goodPayload[:n])
	}
	f.Add(goodPayload)
	k, err := jose.Generate(jose.EdDSA)
	if err != nil {
		f.Fatal(err)
	}
	p := clients.NewProver(known{k}, key, issuer)
	f.Fuzz(func(t *testing.T, payload string) {
		shown := clients.Shown{Assertion: compact(t, k, headerOf(k), payload)}
		proof, err := p.Examine(t.Context(), shown, start)
		if err != nil && !errors.Is(err, clients.ErrNotProved) || err == nil && proof.Client.ID != "orders" {
			t.Errorf("%q: %v", payload, err)
		}
	})
}

// known is a store with one client, which has this key.
type known struct{ key jose.Key }

func (k known) Client(_ context.Context, id string) (clients.Client, error) {
	if id != "orders" {
		return clients.Client{}, clients.ErrNotFound
	}
	return clients.Client{ID: id, Kind: clients.Service, PublicKey: string(k.key.PublicJWK())}, nil
}

func (known) UseAssertion(context.Context, string, string, time.Time) error { return nil }
