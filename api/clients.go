package api

import "time"

// ClientDescription is what an administrator, or the settings, say of a
// registered application or service.
type ClientDescription struct {
	ID            string   `json:"id" maxLength:"64" doc:"The client_id: a-z, 0-9, '.', '_' and '-'; no UUID." example:"orders"`
	Name          string   `json:"name,omitempty" maxLength:"100" doc:"For people; by default the id." example:"Orders"`
	Kind          string   `json:"kind" enum:"service,app" doc:"A service acts in its own name; people sign in with an app."`
	PublicKey     string   `json:"public_key,omitempty" maxLength:"16384" doc:"A public JWK or key set, as text: the client signs with it (private_key_jwt, RFC 7523) and has no secret."`
	Audiences     []string `json:"audiences,omitempty" nullable:"false" maxItems:"50" doc:"The services that tokens may be asked for; the first when none is named. Without any, people may ask for every audience, and a service for Portaria's own."`
	Scopes        []string `json:"scopes,omitempty" nullable:"false" maxItems:"50" doc:"What the client may ask for in its own name."`
	Grants        []string `json:"grants,omitempty" nullable:"false" maxItems:"3" enum:"client_credentials,refresh_token,password" doc:"The grants that the client may use: client_credentials for a service; password (POST /v1/login) and refresh_token for an app. The default is all that its kind can use. A response lists them all."`
	RedirectURIs  []string `json:"redirect_uris,omitempty" nullable:"false" maxItems:"20" doc:"For apps: where a browser may return after a sign-in at Portaria. They are compared byte by byte. Use https URLs, http URLs on a loopback address (any port matches), or private-use schemes such as com.example.app:/callback (RFC 8252)."`
	ThirdParty    bool     `json:"third_party,omitempty" doc:"For apps: another organization runs the app. It cannot use the grant password."`
	AccessTTL     int64    `json:"access_ttl,omitempty" minimum:"0" maximum:"2592000" doc:"Seconds that access tokens live; by default 900 for a service, and what the settings say for an app."`
	RefreshTTL    int64    `json:"refresh_ttl,omitempty" minimum:"0" maximum:"34560000" doc:"Seconds after which a session that is not refreshed ends; for apps."`
	SessionTTL    int64    `json:"session_ttl,omitempty" minimum:"0" maximum:"34560000" doc:"Seconds after which every session ends; for apps."`
	RefreshRetry  int64    `json:"refresh_retry,omitempty" minimum:"0" maximum:"2592000" doc:"Seconds for which a used refresh token returns the same successor again, while nobody has used that; at most access_ttl. For apps."`
	Rotation      string   `json:"rotation,omitempty" enum:"on,off" doc:"off keeps the refresh token at each refresh; only for apps that prove who they are. Default on."`
	NoRefresh     bool     `json:"no_refresh,omitempty" doc:"People get one access token and no refresh token; for apps."`
	Profile       string   `json:"profile,omitempty" enum:"at+jwt,jwt,flask" doc:"For services: the form of the tokens whose audience is this client; by default at+jwt."`
	EncryptionKey string   `json:"encryption_key,omitempty" maxLength:"16384" doc:"For services: a public JWK, as text, that tokens whose audience is this client are encrypted to."`
}

// RotationOff is the value of rotation that keeps the refresh token.
const RotationOff = "off"

// NewClient registers a client.
type NewClient struct {
	ClientDescription
	Public bool `json:"public,omitempty" doc:"For an app that cannot keep a secret, such as a page in a browser: it gets none."`
}

// Client is a registered application or service.
type Client struct {
	ClientDescription
	Public      bool        `json:"public" doc:"Whether it is an app without credentials."`
	Secrets     []time.Time `json:"secrets" nullable:"false" doc:"When its secrets were made, the newest first: none or one, two during a rotation, three when a rotation was repeated within a day."`
	Configured  bool        `json:"configured" doc:"Whether the settings describe it; change it there."`
	CreatedAt   time.Time   `json:"created_at"`
	DisabledAt  *time.Time  `json:"disabled_at,omitempty" doc:"When an administrator disabled it."`
	WithdrawnAt *time.Time  `json:"withdrawn_at,omitempty" doc:"When a start found that the settings no longer describe it; it is disabled, too."`
}

// Clients is a list of clients.
type Clients struct {
	Clients    []Client `json:"clients" nullable:"false"`
	NextCursor string   `json:"next_cursor,omitempty" doc:"Absent on the last page."`
}

// RegisteredClient is a client that was registered just now.
type RegisteredClient struct {
	Client
	ClientSecret string `json:"client_secret,omitempty" doc:"Shown once; absent for a client with a public key, or without credentials."`

	UnknownAudiences []string `json:"unknown_audiences,omitempty" doc:"Those of its audiences for which no tokens are issued yet: neither the settings nor an enabled service have this name."`
}

// ClientSecret is a secret that was made just now.
type ClientSecret struct {
	ClientID     string `json:"client_id"`
	ClientSecret string `json:"client_secret" doc:"Shown once."`
}

// ClientID names one client in a path.
type ClientID struct {
	ClientID string `json:"-" path:"client_id" doc:"The id of a client."`
}
