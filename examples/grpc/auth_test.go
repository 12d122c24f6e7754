package main

import (
	"context"
	"net"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/portaria/portaria/verify"
	"github.com/portaria/portaria/verify/verifytest"
)

// dial starts the service on a real listener.
func dial(t *testing.T, v *verify.Verifier) *grpc.ClientConn {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := newServer(v)
	stopped := make(chan error, 1)
	go func() { stopped <- server.Serve(listener) }()
	conn, err := grpc.NewClient(listener.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		conn.Close()
		server.Stop()
		if err := <-stopped; err != nil {
			t.Error(err)
		}
	})
	return conn
}

// list makes the call, and returns what came back.
func list(ctx context.Context, conn *grpc.ClientConn) (string, codes.Code) {
	out := new(wrapperspb.StringValue)
	err := conn.Invoke(ctx, "/shop.Orders/List", new(emptypb.Empty), out)
	return out.Value, status.Code(err)
}

// watch opens the stream and reads until it ends, and returns what came first.
func watch(ctx context.Context, conn *grpc.ClientConn) (string, codes.Code) {
	ss, err := conn.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true}, "/shop.Orders/Watch")
	if err != nil {
		return "", status.Code(err)
	}
	first, next := new(wrapperspb.StringValue), new(wrapperspb.StringValue)
	_ = ss.SendMsg(new(emptypb.Empty)) // a refusal shows when receiving
	_ = ss.CloseSend()
	if err := ss.RecvMsg(first); err != nil {
		return "", status.Code(err)
	}
	return first.Value, status.Code(ss.RecvMsg(next))
}

func with(t *testing.T, values ...string) context.Context {
	t.Helper()
	// No deadline: the service would take it over, and end the stream for it.
	ctx, cancel := context.WithCancel(t.Context())
	giveUp := time.AfterFunc(20*time.Second, cancel)
	t.Cleanup(func() { giveUp.Stop(); cancel() })
	for _, value := range values {
		ctx = metadata.AppendToOutgoingContext(ctx, "authorization", value)
	}
	return ctx
}

func TestCallsNeedAToken(t *testing.T) {
	issuer := verifytest.New(t)
	conn := dial(t, issuer.Verifier("orders"))
	// It has just expired, and is still accepted because clocks differ: the
	// stream ends at once, and needs no waiting for.
	ending := verifytest.Claim("exp", issuer.Now().Add(-9*time.Second).Unix())
	good := "Bearer " + issuer.Token("orders", verifytest.Subject("ana"), ending)

	if got, code := list(with(t, good), conn); got != "orders of ana" || code != codes.OK {
		t.Errorf("call: %q, %v", got, code)
	}
	if got, code := watch(with(t, good), conn); got != "orders of ana" || code != codes.Unauthenticated {
		t.Errorf("stream until the token expires: %q, %v", got, code)
	}
	for name, values := range map[string][]string{
		"no token":        nil,
		"two tokens":      {good, good},
		"another scheme":  {"Basic YW5hOmFuYQ=="},
		"no scheme":       {issuer.Token("orders")},
		"wrong audience":  {"Bearer " + issuer.Token("billing")},
		"expired":         {"Bearer " + issuer.Token("orders", verifytest.Expired())},
		"forged":          {"Bearer " + issuer.Token("orders", verifytest.Forged())},
		"an unknown key":  {"Bearer " + issuer.Token("orders", verifytest.UnknownKey())},
		"no access token": {"Bearer " + issuer.Token("orders", verifytest.Type("JWT"))},
	} {
		if got, code := list(with(t, values...), conn); got != "" || code != codes.Unauthenticated {
			t.Errorf("call with %s: %q, %v", name, got, code)
		}
		if got, code := watch(with(t, values...), conn); got != "" || code != codes.Unauthenticated {
			t.Errorf("stream with %s: %q, %v", name, got, code)
		}
	}
}

// Without keys nobody knows whether the token is good: the caller keeps it and
// comes back.
func TestUnreachableIssuerIsNoRefusal(t *testing.T) {
	issuer := verifytest.New(t)
	issuer.Offline(true)
	conn := dial(t, issuer.Verifier("orders"))
	good := "Bearer " + issuer.Token("orders")
	if _, code := list(with(t, good), conn); code != codes.Unavailable {
		t.Errorf("call: %v", code)
	}
	if _, code := watch(with(t, good), conn); code != codes.Unavailable {
		t.Errorf("stream: %v", code)
	}
}

// A stream does not outlive the session of its token.
func TestRevokedStreamsEnd(t *testing.T) {
	issuer := verifytest.New(t)
	conn := dial(t, issuer.Verifier("orders"))
	ss, err := conn.NewStream(with(t, "Bearer "+issuer.Token("orders", verifytest.Subject("ana"))), &grpc.StreamDesc{ServerStreams: true}, "/shop.Orders/Watch")
	if err != nil {
		t.Fatal(err)
	}
	_ = ss.SendMsg(new(emptypb.Empty)) // a refusal shows when receiving
	_ = ss.CloseSend()
	if err := ss.RecvMsg(new(wrapperspb.StringValue)); err != nil {
		t.Fatal(err)
	}
	issuer.Revoke("u", "ana")
	if err := ss.RecvMsg(new(wrapperspb.StringValue)); status.Code(err) != codes.Unauthenticated {
		t.Errorf("after the revocation: %v", err)
	}
}
