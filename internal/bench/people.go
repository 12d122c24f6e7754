package main

import (
	"errors"
	"fmt"
)

// password of every account here.
const password = "correct horse battery staple"

// person is an account with a session.
type person struct {
	name            string
	access, refresh string
}

func credentials(name string) string {
	return fmt.Sprintf(`{"identifier":%q,"password":%q}`, name, password)
}

// signUp makes accounts that do not exist yet.
func (s *service) signUp(n int) error {
	for i := range n {
		if _, err := s.ask(post("/v1/accounts", credentials(name(i))), 201); err != nil {
			return fmt.Errorf("sign up: %w", err)
		}
	}
	return nil
}

func name(i int) string { return fmt.Sprintf("person%d@example.com", i) }

// signIn gives n accounts a session each.
func (s *service) signIn(n int) ([]person, error) {
	people := make([]person, n)
	for i := range people {
		body, err := s.ask(post("/v1/login", credentials(name(i))), 200)
		if err != nil {
			return nil, fmt.Errorf("sign in: %w", err)
		}
		access, hasAccess := member(body, "access_token")
		refresh, hasRefresh := member(body, "refresh_token")
		if !hasAccess || !hasRefresh {
			return nil, errors.New("sign in: answer without tokens")
		}
		people[i] = person{name(i), string(access), string(refresh)}
	}
	return people, nil
}

// acts gives each person something to do.
func acts(people []person, n int, do func(person) act) []act {
	list := make([]act, n)
	for i := range list {
		list[i] = do(people[i])
	}
	return list
}

func checkToken(p person) act { return repeated{get("/v1/me", p.access), 200} }

func logIn(p person) act { return repeated{post("/v1/login", credentials(p.name)), 200} }

func refresh(p person) act { return newRefresher(p.refresh) }

func fetchKeys(person) act { return repeated{get("/.well-known/jwks.json", ""), 200} }
