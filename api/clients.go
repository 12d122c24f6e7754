package api

import "time"

// ClientDescription describes a registered application or service. It comes from an
// administrator or from the settings.
type ClientDescription struct {
	ID            string   `json:"id" maxLength:"64" doc:"The client_id: a-z, 0-9, '.', '_' and '-'; no UUID." example:"orders"`
	Name          string   `json:"name,omitempty" maxLength:"100" doc:"Name for people. The default is the id." example:"Orders"`
	Kind          string   `json:"kind" enum:"service,app" doc:"A service gets tokens for itself. An app signs people in."`
	PublicKey     string   `json:"public_key,omitempty" maxLength:"16384" doc:"A public JWK or JWK set, as text. The client authenticates with the private key (private_key_jwt, RFC 7523) and has no secret."`
	Audiences     []string `json:"audiences,omitempty" nullable:"false" maxItems:"50" doc:"The services that the client may get tokens for. The first is the default. Without a list, an app may ask for every audience, and a service only for Portaria itself."`
	Scopes        []string `json:"scopes,omitempty" nullable:"false" maxItems:"50" doc:"The scopes that the client may ask for when it gets tokens for itself."`
	Grants        []string `json:"grants,omitempty" nullable:"false" maxItems:"3" enum:"client_credentials,refresh_token,password" doc:"The grants that the client may use: client_credentials for a service; password (POST /v1/login) and refresh_token for an app. The default is all that its kind can use. A response lists them all."`
	RedirectURIs  []string `json:"redirect_uris,omitempty" nullable:"false" maxItems:"20" doc:"For apps: where a browser may return after a sign-in at Portaria. They are compared byte by byte. Use https URLs, http URLs on a loopback address (any port matches), or private-use schemes such as com.example.app:/callback (RFC 8252)."`
	ThirdParty    bool     `json:"third_party,omitempty" doc:"For apps: another organization runs the app. It cannot use the grant password."`
	AccessTTL     int64    `json:"access_ttl,omitempty" minimum:"0" maximum:"2592000" doc:"Lifetime of access tokens in seconds. The default is 900 for a service, and the value of the settings for an app."`
	RefreshTTL    int64    `json:"refresh_ttl,omitempty" minimum:"0" maximum:"34560000" doc:"For apps: seconds after which a session expires if it is not refreshed."`
	SessionTTL    int64    `json:"session_ttl,omitempty" minimum:"0" maximum:"34560000" doc:"For apps: seconds after which every session expires."`
	RefreshRetry  int64    `json:"refresh_retry,omitempty" minimum:"0" maximum:"2592000" doc:"For apps: seconds in which a used refresh token returns the same successor again, until the successor is used. At most access_ttl."`
	Rotation      string   `json:"rotation,omitempty" enum:"on,off" doc:"For apps: off keeps the same refresh token at each refresh. Only apps that authenticate may use off. The default is on."`
	NoRefresh     bool     `json:"no_refresh,omitempty" doc:"For apps: a sign-in returns an access token and no refresh token."`
	Profile       string   `json:"profile,omitempty" enum:"at+jwt,jwt,flask" doc:"For services: the profile of the access tokens whose audience is this client. The default is at+jwt."`
	EncryptionKey string   `json:"encryption_key,omitempty" maxLength:"16384" doc:"For services: a public JWK, as text. Access tokens whose audience is this client are encrypted to it."`
}

// RotationOff is the value of rotation that keeps the refresh token.
const RotationOff = "off"

// NewClient registers a client.
type NewClient struct {
	ClientDescription
	Public bool `json:"public,omitempty" doc:"For an app that cannot keep a secret, such as a page in a browser. It gets no secret."`
}

// Client is a registered application or service.
type Client struct {
	ClientDescription
	Public      bool        `json:"public" doc:"Whether it is an app that does not authenticate."`
	Secrets     []time.Time `json:"secrets" nullable:"false" doc:"When its secrets were made, newest first. Normally one; two during a rotation; three when a rotation was repeated within a day."`
	Configured  bool        `json:"configured" doc:"Whether the settings describe the client. Change it there."`
	CreatedAt   time.Time   `json:"created_at"`
	DisabledAt  *time.Time  `json:"disabled_at,omitempty" doc:"When an administrator disabled the client."`
	WithdrawnAt *time.Time  `json:"withdrawn_at,omitempty" doc:"When a start found that the settings no longer describe the client. It is disabled, too."`
}

// Clients is a list of clients.
type Clients struct {
	Clients    []Client `json:"clients" nullable:"false"`
	NextCursor string   `json:"next_cursor,omitempty" doc:"Absent on the last page."`
}

// RegisteredClient is a new client and its secret.
type RegisteredClient struct {
	Client
	ClientSecret string `json:"client_secret,omitempty" doc:"Shown once. Absent for a client that has a public key, or that does not authenticate."`

	UnknownAudiences []string `json:"unknown_audiences,omitempty" doc:"Audiences of the client for which no tokens are issued yet, because neither the settings nor an enabled service have this name."`
}

// ClientSecret is a new secret of a client.
type ClientSecret struct {
	ClientID     string `json:"client_id"`
	ClientSecret string `json:"client_secret" doc:"Shown once."`
}

// ClientID names a client in a path.
type ClientID struct {
	ClientID string `json:"-" path:"client_id" doc:"The id of a client."`
}
