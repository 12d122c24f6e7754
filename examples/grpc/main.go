// Command grpc is a gRPC service whose calls and streams ask for access tokens,
// with interceptors built on [verify.Verifier.Verify].
package main

import (
	"cmp"
	"context"
	"fmt"
	"log"
	"net"
	"os"
	"time"

	"google.golang.org/grpc"

	"github.com/portaria/portaria/verify"
)

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	v, err := verify.New(ctx, verify.Config{
		Issuer:   cmp.Or(os.Getenv("ISSUER"), "http://127.0.0.1:8400"),
		Audience: cmp.Or(os.Getenv("AUDIENCE"), "portaria"),
		// With them, revoked tokens end their calls and streams.
		ClientID:     os.Getenv("CLIENT_ID"),
		ClientSecret: verify.Secret(os.Getenv("CLIENT_SECRET")),
	})
	if err != nil {
		log.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:"+cmp.Or(os.Getenv("PORT"), "8500"))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("listening on http://%s\n", listener.Addr())
	log.Fatal(newServer(v).Serve(listener))
}

// newServer returns a server with the orders and the interceptors.
func newServer(v *verify.Verifier) *grpc.Server {
	server := grpc.NewServer(grpc.UnaryInterceptor(unary(v)), grpc.StreamInterceptor(stream(v)))
	server.RegisterService(description(), orders{})
	return server
}
