package httpapi

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/internal/endpoint"
	"github.com/portaria/portaria/internal/httpapi/access"
	"github.com/portaria/portaria/internal/httpapi/oauth"
	"github.com/portaria/portaria/internal/jose"
	"github.com/portaria/portaria/internal/serve"
)

// readyTimeout limits the checks of /readyz, so that a database that hangs leads to the
// response "unavailable" in time.
const readyTimeout = 2 * time.Second

func (s *Server) health(context.Context, access.Caller, endpoint.None) (api.Health, error) {
	return api.Health{Status: "ok", Panics: s.Health.Panics()}, nil
}

// ready runs every check, so that one response names all that fail. The reasons are
// written only to the log.
func (s *Server) ready(w http.ResponseWriter, r *http.Request, _ access.Caller) error {
	ctx, cancel := context.WithTimeout(r.Context(), readyTimeout)
	defer cancel()
	health, status := api.Health{Status: "ok", Checks: map[string]string{}}, http.StatusOK
	for name, check := range s.Health.Ready {
		health.Checks[name] = "ok"
		if err := check(ctx); err != nil {
			s.Log.WarnContext(ctx, "not ready", "check", name, "error", err)
			health.Checks[name] = "unavailable"
			health.Status, status = "unavailable", http.StatusServiceUnavailable
		}
	}
	return endpoint.Respond(w, status, health)
}

// keySet serves the published keys. Caches may keep them and revalidate by the ETag.
func (s *Server) keySet(w http.ResponseWriter, r *http.Request, c access.Caller) error {
	set := s.Public.KeySet(c.Use.At)
	h := w.Header()
	serve.Public(h)
	h.Set("Content-Type", "application/jwk-set+json")
	h.Set("Cache-Control", fmt.Sprintf("public, max-age=%d", endpoint.Seconds(s.Public.KeySetMaxAge)))
	h.Set("ETag", set.ETag)
	if endpoint.MatchesETag(r.Header.Get("If-None-Match"), set.ETag) {
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	_, _ = w.Write(set.JSON)
	return nil
}

// document is a public document that does not change while the process runs.
type document struct {
	json []byte
	etag string
}

func newDocument(content any) (document, error) {
	text, err := json.Marshal(content)
	if err != nil {
		return document{}, fmt.Errorf("encode document: %w", err)
	}
	sum := sha256.Sum256(text)
	return document{append(text, '\n'), `"` + hex.EncodeToString(sum[:16]) + `"`}, nil
}

// metadataAge is how long caches may keep the metadata, in seconds.
const metadataAge = 300

func (s *Server) serveMetadata(w http.ResponseWriter, r *http.Request, _ access.Caller) error {
	h := w.Header()
	serve.Public(h)
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", fmt.Sprintf("public, max-age=%d", metadataAge))
	h.Set("ETag", s.metadata.etag)
	if endpoint.MatchesETag(r.Header.Get("If-None-Match"), s.metadata.etag) {
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	_, _ = w.Write(s.metadata.json)
	return nil
}

// describe returns the metadata of this authorization server.
func (s *Server) describe() api.Metadata {
	base := strings.TrimSuffix(s.Public.Issuer, "/")
	var algorithms []string
	for _, a := range jose.SigningAlgorithms() {
		if !a.Symmetric() {
			algorithms = append(algorithms, string(a))
		}
	}
	return api.Metadata{
		Issuer:                              s.Public.Issuer,
		JWKSURI:                             base + "/.well-known/jwks.json",
		TokenEndpoint:                       base + oauth.TokenPath,
		RevocationEndpoint:                  base + oauth.RevokePath,
		IntrospectionEndpoint:               base + oauth.IntrospectPath,
		RevocationFeed:                      base + "/rev/v1/feed",
		TokenEndpointAuthMethodsSupported:   []string{"client_secret_basic", "client_secret_post", "private_key_jwt", "none"},
		TokenEndpointAuthAlgorithmSupported: algorithms,
		ResponseTypesSupported:              []string{},
		GrantTypesSupported:                 oauth.GrantTypes(),
	}
}

// serveDocument serves the OpenAPI document, which is made at start-up.
func (s *Server) serveDocument(w http.ResponseWriter, _ *http.Request, _ access.Caller) error {
	serve.Public(w.Header())
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "public, max-age=300")
	_, _ = w.Write(s.document)
	return nil
}
