package feed

import (
	"fmt"

	"github.com/danielgtaylor/huma/v2"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/internal/endpoint"
)

// Describe adds to the document what the types of the feed and the snapshot
// do not say: they read and write streams by themselves.
func Describe(op *huma.Operation) {
	switch op.Path {
	case "/rev/v1/feed":
		op.Parameters = append(op.Parameters,
			streamParameter("query", "after", "The last position of the log that was applied; by default 0."),
			streamParameter("header", "Last-Event-ID", "The same, as browsers send it; it takes precedence over after."),
			streamParameter("query", "verifier", fmt.Sprintf("A random name that the verifier keeps while it runs; at most %d printable characters.", api.MaxVerifierName)),
			streamParameter("query", "lease_ms", fmt.Sprintf("How long the verifier trusts its view, in milliseconds; by default %d.", api.DefaultStaleness.Milliseconds())),
			streamParameter("query", "when_stale", "What the verifier does when its view is older: refuse (the default), introspect or open."))
		op.Responses["200"].Content = streamOf("text/event-stream", "Events hello or reset, rev, jwks, and hb every second. The last one is drain when the process stops: reconnect.")
	case "/rev/v1/snapshot":
		op.Parameters = append(op.Parameters, streamParameter("header", "If-None-Match", "The ETag of the last snapshot."))
		op.Responses["200"].Content = streamOf("application/x-ndjson", "A Snapshot on the first line, a FeedRule on each other; with gzip where it is accepted.")
		op.Responses["304"] = &huma.Response{Description: "The log has not changed since."}
	}
}

func streamParameter(in, name, doc string) *huma.Param {
	return endpoint.Parameter{In: in, Name: name, Doc: doc}.Document()
}

func streamOf(kind, doc string) map[string]*huma.MediaType {
	return map[string]*huma.MediaType{kind: {Schema: &huma.Schema{Type: huma.TypeString, Description: doc}}}
}
