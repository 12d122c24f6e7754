package main

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/portaria/portaria/internal/config"
	"github.com/portaria/portaria/internal/testdb"
)

// TestStories runs the promises of the README, as people would try them.
func TestStories(t *testing.T) {
	testscript.Run(t, stories("sqlite", func(*testscript.Env) error { return nil }))
}

// TestStoriesOnPostgres runs them once more, but for those that say why not.
func TestStoriesOnPostgres(t *testing.T) {
	testscript.Run(t, stories("postgres", func(env *testscript.Env) error {
		env.Setenv("PORTARIA_DATABASE", testdb.Postgres(env.T().(testing.TB)))
		return writeMasterKey(env.Cd)
	}))
}

// storyPatience bounds all stories together, also on a machine with other work.
const storyPatience = 20 * time.Minute

// storyKey finds the story among the values of a script.
type storyKey struct{}

// story is the service of one script, while it runs, and the cookies that its
// pages have got.
type story struct {
	running *service
	cookies http.CookieJar
	// receivers of webhooks, by the variable that holds their URL.
	receivers map[string]*webhookReceiver
	followers *followers
}

func stories(database string, prepare func(*testscript.Env) error) testscript.Params {
	return testscript.Params{
		Dir: "testdata/script",
		// A service that should have refused to start would run for ever.
		Deadline: time.Now().Add(storyPatience),
		Setup: func(env *testscript.Env) error {
			cookies, err := cookiejar.New(nil)
			if err != nil {
				return err
			}
			env.Values[storyKey{}] = &story{cookies: cookies, receivers: map[string]*webhookReceiver{}}
			env.Setenv("PORTARIA_LISTEN", freeAddress(env.T().(testing.TB)))
			guides, err := filepath.Abs("../../docs/guides")
			if err != nil {
				return err
			}
			env.Setenv("GUIDES", guides)
			if os.Getenv("GORACE") == "" {
				env.Vars = append(env.Vars, raceOptions)
			}
			return prepare(env)
		},
		// [inner]: this machine has an address in a private network.
		Condition: func(name string) (bool, error) {
			_, err := innerAddress()
			return name == database || name == "inner" && err == nil, nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"serve":       start,
			"shutdown":    shutdown,
			"crash":       crash,
			"signal":      signals,
			"ends":        ends,
			"GET":         calls("GET"),
			"POST":        calls("POST"),
			"PUT":         calls("PUT"),
			"DELETE":      calls("DELETE"),
			"at-once":     atOnce,
			"exits":       exits,
			"keep":        keep,
			"certificate": certificate,
			"presents":    presents,
			"logs":        logs,
			"shows":       shows,
			"play":        play,
			"receive":     receive,
			"answers":     answers,
			"received":    received,
			"follow":      follow,
		},
	}
}

func the(ts *testscript.TestScript) *story { return ts.Value(storyKey{}).(*story) }

// start starts the service: serve [FLAG]... Its output so far can be looked at
// with stdout, and URL is where it answers.
func start(ts *testscript.TestScript, neg bool, args []string) {
	if neg || the(ts).running != nil {
		ts.Fatalf("serve starts one service; to see it fail, use exits 1 portaria serve")
	}
	s, err := launch(ts.MkAbs("."), environ(ts), args...)
	ts.Check(err)
	the(ts).running = s
	ts.Setenv("URL", s.url)
	ts.Defer(func() {
		ts.Logf("[log of the service]\n%s", s.err.String())
		_ = s.end(syscall.SIGKILL) // it may have ended, as most stories have it
	})
	fmt.Fprint(ts.Stdout(), s.out.String())
}

// environ is the environment of the service: the settings of the script.
func environ(ts *testscript.TestScript) []string {
	names := []string{"PATH", "HOME", "TMPDIR", "GORACE", "GOCOVERDIR"}
	for _, s := range config.Settings() {
		names = append(names, s.Env())
	}
	var env []string
	for _, name := range names {
		if value := ts.Getenv(name); value != "" {
			env = append(env, name+"="+value)
		}
	}
	return env
}

// shutdown ends the service as systemd does. What it logged can be looked at with
// stderr.
func shutdown(ts *testscript.TestScript, neg bool, args []string) {
	s := ended(ts, neg, args)
	ts.Check(s.end(syscall.SIGTERM))
	fmt.Fprint(ts.Stderr(), s.err.String())
}

// crash ends the service as kill -9 does.
func crash(ts *testscript.TestScript, neg bool, args []string) { ts.Check(ended(ts, neg, args).kill()) }

// signals sends a signal to the running service: signal HUP|TERM
func signals(ts *testscript.TestScript, neg bool, args []string) {
	known := map[string]syscall.Signal{"HUP": syscall.SIGHUP, "TERM": syscall.SIGTERM}
	s := the(ts).running
	if neg || len(args) != 1 || known[args[0]] == 0 || s == nil {
		ts.Fatalf("signal takes HUP or TERM and needs a running service")
	}
	ts.Check(s.cmd.Process.Signal(known[args[0]]))
}

// ends waits until the service has ended after a signal, without an error. With !, the
// signal itself must have ended it. What it logged can be looked at with stderr.
func ends(ts *testscript.TestScript, neg bool, args []string) {
	s := ended(ts, false, args)
	select {
	case <-s.exited:
	case <-time.After(startPatience):
		ts.Fatalf("the service still runs after %v", startPatience)
	}
	var exit *exec.ExitError
	bySignal := errors.As(s.status, &exit) && exit.Sys().(syscall.WaitStatus).Signaled()
	if bySignal != neg || !neg && s.status != nil {
		ts.Fatalf("the service ended with %v", s.status)
	}
	fmt.Fprint(ts.Stderr(), s.err.String())
}

func ended(ts *testscript.TestScript, neg bool, args []string) *service {
	s := the(ts).running
	if neg || len(args) > 0 || s == nil {
		ts.Fatalf("shutdown and crash take no arguments and need a running service")
	}
	the(ts).running = nil
	return s
}

// calls sends one request. Body and headers of the answer can be looked at
// with stdout and stderr.
func calls(method string) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, neg bool, args []string) { sendAll(ts, 1, method, args) }
}

// atOnce sends one request many times at once: at-once 24 POST … All answers
// must have the status and the same members.
func atOnce(ts *testscript.TestScript, neg bool, args []string) {
	n, err := strconv.Atoi(args[0])
	ts.Check(err)
	sendAll(ts, n, args[1], args[2:])
}

func sendAll(ts *testscript.TestScript, n int, method string, args []string) {
	r, err := parseRequest(method, args, ts.ReadFile)
	ts.Check(err)
	hc := storyClient(ts)
	if r.page {
		hc.Jar = the(ts).cookies
	}
	answers, errs := make([]answer, n), make([]error, n)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { answers[i], errs[i] = r.send(hc, ts.Getenv("URL")) })
	}
	all.Wait()
	ts.Check(errors.Join(errs...))
	for name, value := range answers[0].kept {
		for _, other := range answers[1:] {
			if other.kept[name] != value {
				ts.Fatalf("%s differs: %s and %s", name, value, other.kept[name])
			}
		}
		ts.Setenv(name, value)
	}
	fmt.Fprint(ts.Stdout(), answers[0].body)
	ts.Check(answers[0].header.Write(ts.Stderr()))
}

func storyClient(ts *testscript.TestScript) *http.Client {
	file := ts.Getenv("PORTARIA_TLS_CERT_FILE")
	if file != "" {
		file = ts.MkAbs(file)
	}
	hc, err := freshClient(file)
	ts.Check(err)
	return hc
}

// exits runs a command that must end with this status: exits 2 portaria …
func exits(ts *testscript.TestScript, neg bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	var exit *exec.ExitError
	switch {
	case err == nil && want == 0:
	case errors.As(err, &exit) && exit.ExitCode() == want:
	default:
		ts.Fatalf("ended with %v, want status %d", err, want)
	}
}

// keep puts part of the last output into a variable: keep ID 'account (\S+)'
func keep(ts *testscript.TestScript, neg bool, args []string) {
	match := regexp.MustCompile("(?m)" + args[1]).FindStringSubmatch(ts.ReadFile("stdout"))
	if len(match) != 2 {
		ts.Fatalf("no %s in the output", args[1])
	}
	ts.Setenv(args[0], match[1])
}

// certificate writes a new certificate for the service's address, with its
// key: certificate CERTFILE KEYFILE
func certificate(ts *testscript.TestScript, neg bool, args []string) {
	cert, key, err := selfSigned(ts.Getenv("PORTARIA_LISTEN"))
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), cert, 0o644))
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), key, 0o600))
}

// presents waits until the service shows the certificate of a file.
func presents(ts *testscript.TestScript, neg bool, args []string) {
	hc := storyClient(ts)
	text := ts.ReadFile(args[0])
	ts.Check(until(10*time.Second, func() error {
		shown, err := shownCertificate(hc, ts.Getenv("URL"))
		if err == nil && !slices.Equal(shown, []byte(text)) {
			err = errors.New("it shows another certificate")
		}
		return err
	}))
}

// logs waits until the log of the service has a line like this. The service is
// asked meanwhile: some things it looks at only when it is.
func logs(ts *testscript.TestScript, neg bool, args []string) {
	hc, pattern, s := storyClient(ts), regexp.MustCompile(args[0]), the(ts).running
	ts.Check(until(10*time.Second, func() error {
		if resp, err := hc.Get(s.url + "/healthz"); err == nil {
			resp.Body.Close()
		}
		if !pattern.MatchString(s.err.String()) {
			return fmt.Errorf("no %s in the log", pattern)
		}
		return nil
	}))
}
