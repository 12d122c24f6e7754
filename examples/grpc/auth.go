package main

import (
	"context"
	"errors"
	"log"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/portaria/portaria/verify"
)

// unary lets a call through only with a good access token.
func unary(v *verify.Verifier) grpc.UnaryServerInterceptor {
	return func(ctx context.Context, in any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
		ctx, err := authenticate(ctx, v)
		if err != nil {
			return nil, err
		}
		return next(ctx, in)
	}
}

// stream lets a stream begin only with a good access token, and ends it when
// that expires or is revoked.
func stream(v *verify.Verifier) grpc.StreamServerInterceptor {
	return func(srv any, ss grpc.ServerStream, _ *grpc.StreamServerInfo, next grpc.StreamHandler) error {
		ctx, err := authenticate(ss.Context(), v)
		if err != nil {
			return err
		}
		claims, _ := verify.FromContext(ctx)
		ctx, stop := v.Watch(ctx, claims)
		defer stop()
		return next(srv, authenticated{ss, ctx})
	}
}

// authenticated is a stream whose context has the claims.
type authenticated struct {
	grpc.ServerStream
	ctx context.Context
}

func (s authenticated) Context() context.Context { return s.ctx }

// authenticate returns the context with the claims of the one access token that
// a call carries. The reason of a refusal is for the log: the caller learns only
// whether to come back with another token or later.
func authenticate(ctx context.Context, v *verify.Verifier) (context.Context, error) {
	values := metadata.ValueFromIncomingContext(ctx, "authorization")
	if len(values) != 1 {
		return nil, status.Error(codes.Unauthenticated, "send one access token")
	}
	scheme, token, _ := strings.Cut(values[0], " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return nil, status.Error(codes.Unauthenticated, "send a bearer token")
	}
	claims, err := v.Verify(ctx, token)
	switch {
	case errors.Is(err, verify.ErrUnavailable):
		log.Printf("cannot verify: %v", err)
		return nil, status.Error(codes.Unavailable, "access tokens cannot be verified now")
	case err != nil:
		log.Printf("refused: %v", err)
		return nil, status.Error(codes.Unauthenticated, "the access token is not valid")
	}
	return verify.NewContext(ctx, claims), nil
}
