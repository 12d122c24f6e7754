package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// request is one line of a story:
//
//	POST /v1/login identifier=ana password=… -> 200 ACCESS=access_token
//
// name=value are members of a JSON body; @FILE and {…} are bodies as they
// stand; -as TOKEN and -header 'Name: value' are headers; -page sends it as a
// page of this origin does, with the cookies that the story has got so. What
// follows -> is the status to expect, and members of the answer to keep in
// variables.
type request struct {
	method, path string
	page         bool
	header       http.Header
	body         []byte
	want         int
	keep         []kept
}

// kept is a member of an answer and the variable that keeps it.
type kept struct{ variable, member string }

func parseRequest(method string, args []string, readFile func(string) string) (request, error) {
	arrow := slices.Index(args, "->")
	if arrow < 1 || arrow+1 == len(args) {
		return request{}, errors.New("usage: METHOD PATH [-page] [-as TOKEN] [-header 'Name: value'] [name=value|{JSON}|@FILE]... -> STATUS [VARIABLE=member]...")
	}
	r := request{method: method, path: args[0], header: http.Header{"User-Agent": {"story"}}}
	if err := r.parseSent(args[1:arrow], readFile); err != nil {
		return r, err
	}
	var err error
	if r.want, err = strconv.Atoi(args[arrow+1]); err != nil {
		return r, err
	}
	for _, arg := range args[arrow+2:] {
		variable, member, _ := strings.Cut(arg, "=")
		r.keep = append(r.keep, kept{variable, member})
	}
	return r, nil
}

func (r *request) parseSent(args []string, readFile func(string) string) error {
	members := map[string]string{}
	for i := 0; i < len(args); i++ {
		arg := args[i]
		name, value, isMember := strings.Cut(arg, "=")
		switch {
		case (arg == "-as" || arg == "-header") && i+1 == len(args):
			return errors.New(arg + " needs a value")
		case arg == "-page":
			r.page = true
			r.header.Set("Sec-Fetch-Site", "same-origin")
		case arg == "-as":
			i++
			r.header.Set("Authorization", "Bearer "+args[i])
		case arg == "-header":
			i++
			header, text, _ := strings.Cut(args[i], ": ")
			r.header.Set(header, text)
		case strings.HasPrefix(arg, "@"):
			r.body = []byte(readFile(arg[1:]))
		case strings.HasPrefix(arg, "{"):
			r.body = []byte(arg)
		case isMember:
			members[name] = value
		default:
			return fmt.Errorf("%q is no name=value", arg)
		}
	}
	if len(members) > 0 {
		r.body, _ = json.Marshal(members) // of strings
	}
	if r.body != nil && r.header.Get("Content-Type") == "" {
		r.header.Set("Content-Type", "application/json")
	}
	return nil
}

// answer is what came back.
type answer struct {
	header http.Header
	body   string
	kept   map[string]string
}

// send sends the request and checks its status.
func (r request) send(hc *http.Client, base string) (answer, error) {
	sent, err := http.NewRequest(r.method, base+r.path, bytes.NewReader(r.body))
	if err != nil {
		return answer{}, err
	}
	sent.Header = r.header.Clone()
	resp, err := hc.Do(sent)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return answer{}, err
	}
	if resp.StatusCode != r.want {
		return answer{}, fmt.Errorf("%s %s: %s, want %d\n%s", r.method, r.path, resp.Status, r.want, body)
	}
	a := answer{resp.Header, string(body), map[string]string{}}
	for _, k := range r.keep {
		if a.kept[k.variable], err = member(body, k.member); err != nil {
			return a, err
		}
	}
	return a, nil
}

// member finds sessions.0.id in a JSON text.
func member(text []byte, path string) (string, error) {
	var at any
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	if err := decoder.Decode(&at); err != nil {
		return "", err
	}
	for name := range strings.SplitSeq(path, ".") {
		switch in := at.(type) {
		case map[string]any:
			at = in[name]
		case []any:
			i, err := strconv.Atoi(name)
			if err != nil || i >= len(in) {
				return "", fmt.Errorf("no %s in %s", path, text)
			}
			at = in[i]
		}
		if at == nil {
			return "", fmt.Errorf("no %s in %s", path, text)
		}
	}
	return fmt.Sprint(at), nil
}

// freshClient connects anew for each request, as commands do, and trusts the
// certificates of a file, if there is one.
func freshClient(certFile string) (*http.Client, error) {
	// Not DisableKeepAlives: that announces it, and then the server does not
	// read the rest of a body that it refuses; the answer may be lost.
	transport := &http.Transport{MaxIdleConnsPerHost: -1}
	if certFile != "" {
		text, err := os.ReadFile(certFile)
		if err != nil {
			return nil, err
		}
		roots := x509.NewCertPool()
		roots.AppendCertsFromPEM(text)
		transport.TLSClientConfig = &tls.Config{RootCAs: roots}
	}
	return &http.Client{Transport: transport, Timeout: time.Minute}, nil
}
