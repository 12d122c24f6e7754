package main

import (
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

func TestReadResponse(t *testing.T) {
	const hello = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello"
	tests := map[string]struct {
		text   string
		status int // 0 for an error
		body   string
	}{
		"with body":      {hello, 200, "hello"},
		"empty body":     {"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n", 503, ""},
		"204":            {"HTTP/1.1 204 No Content\r\nDate: today\r\n\r\n", 204, ""},
		"cut in header":  {hello[:30], 0, ""},
		"cut in body":    {hello[:len(hello)-1], 0, ""},
		"of two":         {hello + hello, 0, ""},
		"chunked":        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 0, ""},
		"bad length":     {"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", 0, ""},
		"no status":      {"HTTP/1.1 abc OK\r\nContent-Length: 0\r\n\r\n", 0, ""},
		"not HTTP":       {"\r\n\r\n", 0, ""},
		"huge by word":   {"HTTP/1.1 200 OK\r\nContent-Length: 4096\r\n\r\n", 0, ""},
		"huge by header": {"HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 4096), 0, ""},
	}
	for name, test := range tests {
		whole := strings.NewReader(test.text)
		for how, from := range map[string]io.Reader{"at once": whole, "byte by byte": iotest.OneByteReader(strings.NewReader(test.text))} {
			if name == "of two" && how != "at once" {
				continue // the first byte of the second is not read at all
			}
			t.Run(name+" "+how, func(t *testing.T) {
				got, err := read(from, make([]byte, 256))
				if (err != nil) != (test.status == 0) {
					t.Fatalf("error %v", err)
				}
				if err == nil && (got.status != test.status || string(got.body) != test.body) {
					t.Fatalf("got %d %q", got.status, got.body)
				}
			})
		}
	}
}

func TestMember(t *testing.T) {
	const body = `{"access_token":"a.b","expires_in":5,"refresh_token":"prt_x"}`
	for name, want := range map[string]string{"access_token": "a.b", "refresh_token": "prt_x", "token": "", "expires_in": ""} {
		if got, ok := member([]byte(body), name); string(got) != want || ok != (want != "") {
			t.Errorf("%s: %q, %v", name, got, ok)
		}
	}
	if got, ok := member([]byte(`{"a":"cut`), "a"); ok {
		t.Errorf("cut value: %q", got)
	}
}

func TestRefresherSpendsWhatItEarned(t *testing.T) {
	r := newRefresher("prt_1")
	for _, next := range []string{"prt_2", "prt_3"} {
		if done, err := r.accept(response{200, []byte(`{"refresh_token":"` + next + `"}`)}); !done || err != nil {
			t.Fatal(done, err)
		}
		if want := string(post("/v1/refresh", `{"refresh_token":"`+next+`"}`)); string(r.request()) != want {
			t.Fatalf("request %q, want %q", r.request(), want)
		}
	}
	for name, bad := range map[string]response{
		"status":       {401, []byte(`{"refresh_token":"prt_4"}`)},
		"no token":     {200, []byte(`{}`)},
		"no rotation":  {200, []byte(`{"refresh_token":"prt_3"}`)},
		"other length": {200, []byte(`{"refresh_token":"prt_44"}`)},
	} {
		if _, err := r.accept(bad); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestRepeatedTellsRefusedFromWrong(t *testing.T) {
	tests := map[int]struct{ done, fails bool }{200: {true, false}, 503: {false, false}, 401: {false, true}}
	for status, want := range tests {
		done, err := repeated{nil, 200}.accept(response{status: status})
		if done != want.done || (err != nil) != want.fails {
			t.Errorf("%d: %v, %v", status, done, err)
		}
	}
}
