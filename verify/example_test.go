package verify_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/portaria/portaria/verify"
	"github.com/portaria/portaria/verify/verifytest"
)

// A whole service. It starts also while the issuer is down, and answers 503
// until it has the issuer's keys.
func Example() {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	v, err := verify.New(ctx, verify.Config{Issuer: "https://auth.example.com", Audience: "orders"})
	if err != nil {
		log.Fatal(err) // a mistake in the configuration
	}
	defer v.Close()

	mux := http.NewServeMux()
	mux.Handle("GET /orders", v.RequireFunc(func(w http.ResponseWriter, r *http.Request) {
		claims, _ := verify.FromContext(r.Context())
		fmt.Fprintf(w, "orders of %s", claims.Subject())
	}))
	mux.Handle("POST /transfers", v.RequireFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusNoContent)
	}, verify.FreshWithin(5*time.Minute), verify.Scope("transfers:write")))
	log.Fatal(http.ListenAndServe("127.0.0.1:8080", mux))
}

// Tests of a service mint the tokens they need with verifytest.
func ExampleVerifier_Require() {
	t := example{}
	issuer := verifytest.New(t)
	v := issuer.Verifier("orders")
	orders := v.RequireFunc(func(w http.ResponseWriter, r *http.Request) {
		claims, _ := verify.FromContext(r.Context())
		fmt.Fprint(w, "orders of ", claims.Subject())
	}, verify.Scope("orders:read"))

	get := func(options ...verifytest.Option) {
		r := httptest.NewRequest(http.MethodGet, "/orders", nil)
		r.Header.Set("Authorization", "Bearer "+issuer.Token("orders", options...))
		w := httptest.NewRecorder()
		orders.ServeHTTP(w, r)
		if w.Code == http.StatusOK {
			fmt.Println(w.Body)
		} else {
			fmt.Println(w.Code, w.Header().Get("WWW-Authenticate"))
		}
	}
	get(verifytest.Subject("ana"), verifytest.Scope("orders:read"))
	get(verifytest.Subject("ana"))
	get(verifytest.Expired())
	// Output:
	// orders of ana
	// 403 Bearer error="insufficient_scope", scope="orders:read"
	// 401 Bearer error="invalid_token"
}

// What is not HTTP, such as a gRPC interceptor, calls Verify. The caller learns
// only whether to send another token or to come back later.
func ExampleVerifier_Verify() {
	t := example{}
	issuer := verifytest.New(t)
	v := issuer.Verifier("orders")
	authenticate := func(ctx context.Context, token string) (context.Context, error) {
		claims, err := v.Verify(ctx, token)
		switch {
		case errors.Is(err, verify.ErrUnavailable):
			return nil, errors.New("UNAVAILABLE")
		case err != nil:
			return nil, errors.New("UNAUTHENTICATED") // err is for the log
		}
		return verify.NewContext(ctx, claims), nil
	}
	ctx, err := authenticate(context.Background(), issuer.Token("orders", verifytest.Subject("ana")))
	claims, ok := verify.FromContext(ctx)
	fmt.Println(claims.Subject(), ok, err)
	_, err = authenticate(context.Background(), issuer.Token("billing"))
	fmt.Println(err)
	// Output:
	// ana true <nil>
	// UNAUTHENTICATED
}

// Claims that the operator has added are decoded into a type of the service's.
func ExampleDecode() {
	t := example{}
	issuer := verifytest.New(t)
	claims, err := issuer.Verifier("orders").Verify(context.Background(), issuer.Token("orders", verifytest.Claim("warehouse", 7)))
	if err != nil {
		fmt.Println(err)
		return
	}
	own, err := verify.Decode[struct {
		Warehouse int `json:"warehouse"`
	}](claims)
	fmt.Println(own.Warehouse, err)
	// Output: 7 <nil>
}

// Browsers keep the token in a cookie that no script can read.
func ExampleCookie() {
	config := verify.Config{
		Issuer: "https://auth.example.com", Audience: "shop",
		Places: []verify.Place{verify.Header(), verify.Cookie("__Host-access")},
	}
	fmt.Println(len(config.Places))
	// Output: 2
}

// example stands for the *testing.T that a test has and an example has not.
type example struct{ testing.TB }

func (example) Helper()                   {}
func (example) Cleanup(func())            {}
func (example) Fatalf(f string, a ...any) { panic(fmt.Sprintf(f, a...)) }

// A service that takes the tokens of another issuer, here Keycloak.
func ExampleNew_otherIssuer() {
	ctx := context.Background()
	v, err := verify.New(ctx, verify.Config{
		Issuer:   "https://sso.example.com/realms/shop",
		Audience: "orders",
		Profile:  verify.PlainJWT,
	})
	if err != nil {
		log.Fatal(err)
	}
	defer v.Close()
}
