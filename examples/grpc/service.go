package main

import (
	"context"
	"errors"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/portaria/portaria/verify"
)

// orders is a service with one call and one stream. It is described by hand,
// which protoc would otherwise do, so that nothing here needs to be generated.
type orders struct{}

// list answers who asks.
func (orders) list(ctx context.Context) (*wrapperspb.StringValue, error) {
	claims, _ := verify.FromContext(ctx)
	return wrapperspb.String("orders of " + claims.Subject()), nil
}

// watch sends who asks, and then waits for orders that never come.
func (o orders) watch(ss grpc.ServerStream) error {
	first, err := o.list(ss.Context())
	if err != nil {
		return err
	}
	if err := ss.SendMsg(first); err != nil {
		return err
	}
	<-ss.Context().Done()
	if errors.Is(context.Cause(ss.Context()), verify.ErrInvalid) { // expired or revoked
		return status.Error(codes.Unauthenticated, "the access token is not valid any more")
	}
	return ss.Context().Err()
}

// description is that of
//
//	service Orders {
//	  rpc List(google.protobuf.Empty) returns (google.protobuf.StringValue);
//	  rpc Watch(google.protobuf.Empty) returns (stream google.protobuf.StringValue);
//	}
func description() *grpc.ServiceDesc {
	return &grpc.ServiceDesc{
		ServiceName: "shop.Orders",
		HandlerType: (*any)(nil),
		Methods:     []grpc.MethodDesc{{MethodName: "List", Handler: handleList}},
		Streams:     []grpc.StreamDesc{{StreamName: "Watch", Handler: handleWatch, ServerStreams: true}},
	}
}

func handleList(srv any, ctx context.Context, decode func(any) error, intercept grpc.UnaryServerInterceptor) (any, error) {
	in := new(emptypb.Empty)
	if err := decode(in); err != nil {
		return nil, err
	}
	list := func(ctx context.Context, _ any) (any, error) { return srv.(orders).list(ctx) }
	if intercept == nil {
		return list(ctx, in)
	}
	return intercept(ctx, in, &grpc.UnaryServerInfo{Server: srv, FullMethod: "/shop.Orders/List"}, list)
}

func handleWatch(srv any, ss grpc.ServerStream) error {
	if err := ss.RecvMsg(new(emptypb.Empty)); err != nil {
		return err
	}
	return srv.(orders).watch(ss)
}
