// Package imports is the command that imports accounts of other systems through the
// API: in batches, with a note from which it goes on after it was stopped.
package imports

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/google/uuid"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/client"
	"github.com/portaria/portaria/internal/admincli/exports"
	"github.com/portaria/portaria/internal/cli"
)

// Command is `portaria account import`.
type Command struct {
	File       string `arg:"" optional:"" help:"File to import: JSON lines, JSON or CSV; - is standard input, the default."`
	From       string `help:"System that wrote the file; without it, the members are those of the API." enum:",auth0,cognito,django,firebase,flask,keycloak,supabase" default:"" placeholder:"auth0|cognito|django|firebase|flask|keycloak|supabase"`
	Identifier string `help:"Member that people sign in with, such as username or email, if it is not the usual one." placeholder:"MEMBER"`
	HashConfig string `help:"File with the password hash parameters of a Firebase project." placeholder:"FILE"`
	Wrap       string `help:"Hashes to put into Argon2id at once, so that they are not stored as they are." enum:"weak,all,none" default:"weak" placeholder:"weak|all|none"`
	DryRun     bool   `help:"Change nothing; report what would be refused."`
	Report     string `help:"Write a JSON line for each account that is refused or has a name that sign-up refuses, into this new file." placeholder:"FILE"`
}

// Help describes the command further.
func (Command) Help() string {
	return `Accounts that exist are never changed. A file is imported in steps; the file FILE.import notes how far it came. If the command
stops, run it again to go on. The next sign-in of each person replaces the old hash. See docs/guides/migration.md.`
}

// Run imports a file.
func (a Command) Run(c *cli.Call) error { return a.run(c, c.Operator) }

// run imports a file with the clients that operator returns.
func (a Command) run(c *cli.Call, operator func() (*client.Client, error)) (err error) {
	in, state, err := a.open(c)
	if err != nil {
		return err
	}
	defer in.Close()
	options := exports.Options{From: a.From, Identifier: a.Identifier, Now: time.Now().UTC()}
	if options.Firebase, err = a.hashConfig(); err != nil {
		return err
	}
	reader, err := exports.New(in, options)
	if err != nil {
		return err
	}
	report, err := a.report(state.Done > 0)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, report.Close()) }()
	run := &importing{call: c, operator: operator, command: a, state: state, reader: reader, report: json.NewEncoder(report), names: map[string]int{}, size: firstBatch}
	err = run.all()
	run.progress(true)
	if err != nil {
		if state.path != "" {
			return fmt.Errorf("stopped after entry %d; run the same command again to go on: %w", state.Done, err)
		}
		return fmt.Errorf("stopped after entry %d: %w", state.Done, err)
	}
	if err := state.remove(); err != nil {
		return err
	}
	return run.finish()
}

// open opens the file, and what is known of an import of it that stopped.
func (a Command) open(c *cli.Call) (io.ReadCloser, *importState, error) {
	state := &importState{Seed: uuid.New()}
	if a.File == "" || a.File == "-" {
		return io.NopCloser(c.Stdin), state, nil
	}
	file, err := os.Open(a.File)
	if err != nil {
		return nil, nil, cli.Misuse("%w", err)
	}
	if a.DryRun {
		return file, state, nil
	}
	info, err := file.Stat()
	if err != nil {
		return nil, nil, errors.Join(err, file.Close())
	}
	state.path, state.Size, state.Modified = a.File+".import", info.Size(), info.ModTime().UnixNano()
	if err := state.load(); err != nil {
		return nil, nil, errors.Join(err, file.Close())
	}
	return file, state, nil
}

func (a Command) hashConfig() (exports.HashConfig, error) {
	if a.HashConfig == "" {
		if a.From == "firebase" {
			return exports.HashConfig{}, cli.Misuse("the hashes of Firebase need --hash-config, with the parameters that its console shows")
		}
		return exports.HashConfig{}, nil
	}
	file, err := os.Open(a.HashConfig)
	if err != nil {
		return exports.HashConfig{}, cli.Misuse("%w", err)
	}
	defer file.Close()
	return exports.ReadHashConfig(file)
}

// report opens the report, or goes on with that of an import that stopped.
func (a Command) report(resumed bool) (io.WriteCloser, error) {
	if a.Report == "" {
		return nowhere{}, nil
	}
	mode := os.O_EXCL
	if resumed {
		mode = os.O_APPEND
	}
	file, err := os.OpenFile(a.Report, os.O_WRONLY|os.O_CREATE|mode, 0o600)
	if err != nil {
		return nil, cli.Misuse("%w", err)
	}
	return file, nil
}

type nowhere struct{}

func (nowhere) Write(p []byte) (int, error) { return len(p), nil }
func (nowhere) Close() error                { return nil }

// importState is what an import needs to go on. It holds nothing secret.
type importState struct {
	path string
	// Seed makes the ids of accounts that have none, so that a request can be
	// repeated.
	Seed uuid.UUID
	// Size and Modified are those of the file.
	Size, Modified int64
	// Done is how many entries the service has answered, and Counts what became of
	// them.
	Done   int
	Counts importCounts
}

func (s *importState) load() error {
	text, err := os.ReadFile(s.path)
	if errors.Is(err, os.ErrNotExist) {
		return s.save()
	}
	if err != nil {
		return err
	}
	known := *s
	if err := json.Unmarshal(text, &known); err != nil {
		return fmt.Errorf("read %s: %w; remove it to start from the beginning", s.path, err)
	}
	if known.Size != s.Size || known.Modified != s.Modified {
		return fmt.Errorf("the file has changed since its import stopped after entry %d; remove %s to start from the beginning: accounts that exist are not changed", known.Done, s.path)
	}
	*s = known
	return nil
}

// save replaces the note in one step: a crash leaves the old one or the new one.
func (s *importState) save() error {
	if s.path == "" {
		return nil
	}
	text, err := json.Marshal(s)
	if err != nil {
		return err
	}
	file, err := os.CreateTemp(filepath.Dir(s.path), filepath.Base(s.path)+".*")
	if err != nil {
		return err
	}
	_, err = file.Write(text)
	if err := errors.Join(err, file.Sync(), file.Close()); err != nil {
		return errors.Join(err, os.Remove(file.Name()))
	}
	return os.Rename(file.Name(), s.path)
}

func (s *importState) remove() error {
	if s.path == "" {
		return nil
	}
	return os.Remove(s.path)
}

// importCounts is the result, also for programs.
type importCounts struct {
	Imported  int  `json:"imported"`
	Present   int  `json:"present"`
	Refused   int  `json:"refused"`
	Irregular int  `json:"irregular"`
	DryRun    bool `json:"dry_run,omitempty"`
}

// Limits of the requests.
const (
	firstBatch = 32
	// maxBatch leaves room for the rest of the body below api.MaxBody.
	maxBatch = api.MaxBody - 1024
	// A request takes about this long: batches grow below it and shrink above.
	quickBatch, slowBatch = time.Second, 5 * time.Second
	// tokenAge is when the operator's token, which lives for a minute, is replaced.
	tokenAge = 20 * time.Second
	// maxShown is how many refused entries are printed.
	maxShown = 20
)

// importing is one run of the command.
type importing struct {
	call     *cli.Call
	operator func() (*client.Client, error)
	command  Command
	state    *importState
	reader   *exports.Reader
	report   *json.Encoder
	// names has the number of the entry with each canonical name, in a dry run.
	names map[string]int
	size  int
	shown int

	admin   *client.Client
	renewed time.Time
	drawn   time.Time
}

// all sends the entries that are not done yet.
func (r *importing) all() error {
	done, ended := r.state.Done, false
	var batch []exports.Entry
	var bytes int
	for n := 1; !ended; n++ {
		entry, err := r.reader.Next()
		switch {
		case errors.Is(err, io.EOF):
			ended = true
		case err != nil:
			return err
		case n <= done:
			continue
		}
		length := 0
		if !ended {
			if entry.Err == nil && entry.Account.ID == "" {
				entry.Account.ID = uuid.NewSHA1(r.state.Seed, fmt.Appendf(nil, "entry %d", n)).String()
			}
			text, err := json.Marshal(entry.Account)
			if err != nil {
				return err
			}
			if length = len(text) + 1; length > maxBatch {
				entry.Err = fmt.Errorf("entry is longer than %d bytes", maxBatch)
				length = 0
			}
		}
		if len(batch) > 0 && (ended || len(batch) >= r.size || bytes+length > maxBatch) {
			if err := r.send(batch); err != nil {
				return err
			}
			batch, bytes = nil, 0
		}
		if !ended {
			batch, bytes = append(batch, entry), bytes+length
		}
	}
	return nil
}

// send imports a batch and notes that it is done.
func (r *importing) send(batch []exports.Entry) error {
	in := api.AccountImport{Wrap: r.command.Wrap, DryRun: r.command.DryRun, Accounts: []api.ImportedAccount{}}
	var of []int
	results := make([]api.ImportResult, len(batch))
	for i, e := range batch {
		if e.Err != nil {
			results[i] = api.ImportResult{State: "refused", Code: "entry_invalid", Detail: e.Err.Error()}
			continue
		}
		in.Accounts, of = append(in.Accounts, e.Account), append(of, i)
	}
	if len(of) > 0 {
		answer, err := r.ask(in)
		if err != nil {
			return err
		}
		if len(answer.Results) != len(of) {
			return fmt.Errorf("the service answered %d results for %d accounts", len(answer.Results), len(of))
		}
		for n, i := range of {
			results[i] = answer.Results[n]
		}
	}
	counts := r.state.Counts
	for i, result := range results {
		if err := r.count(&counts, batch[i], result); err != nil {
			return err
		}
	}
	r.state.Counts, r.state.Done = counts, r.state.Done+len(batch)
	r.progress(false)
	return r.state.save()
}

func (r *importing) ask(in api.AccountImport) (api.ImportReport, error) {
	if r.admin == nil || time.Since(r.renewed) > tokenAge {
		admin, err := r.operator()
		if err != nil {
			return api.ImportReport{}, err
		}
		r.admin, r.renewed = admin, time.Now()
	}
	start := time.Now()
	answer, err := r.admin.ImportAccounts(r.call, in)
	switch took := time.Since(start); {
	case took < quickBatch:
		r.size = min(r.size*2, api.MaxImport)
	case took > slowBatch:
		r.size = max(r.size/2, 1)
	}
	return answer, err
}

// reported is a line of the report.
type reported struct {
	Entry      int    `json:"entry"`
	Identifier string `json:"identifier,omitempty"`
	State      string `json:"state"`
	Code       string `json:"code,omitempty"`
	Detail     string `json:"detail,omitempty"`
	Irregular  bool   `json:"irregular,omitempty"`
}

func (r *importing) count(counts *importCounts, e exports.Entry, result api.ImportResult) error {
	if r.command.DryRun && result.State == "imported" {
		if first, taken := r.names[result.Canonical]; taken {
			result.State, result.Code = "refused", "identifier_taken"
			result.Detail = fmt.Sprintf("identifier is that of entry %d", first)
		} else {
			r.names[result.Canonical] = e.Number
		}
	}
	switch result.State {
	case "imported":
		counts.Imported++
	case "present":
		counts.Present++
	default:
		counts.Refused++
	}
	if result.State != "refused" && !result.Irregular {
		return nil
	}
	if result.State != "refused" {
		counts.Irregular++
	} else if r.shown++; r.shown <= maxShown {
		r.clear()
		fmt.Fprintf(r.call.Stderr, "entry %d: %s: %s\n", e.Number, result.Code, cli.Printable(result.Detail))
	}
	return r.report.Encode(reported{e.Number, e.Account.Identifier, result.State, result.Code, result.Detail, result.Irregular})
}

// drawEvery is how often the progress is drawn.
const drawEvery = 100 * time.Millisecond

// progress draws a line at a terminal.
func (r *importing) progress(last bool) {
	if !r.call.Drawable() || !last && time.Since(r.drawn) < drawEvery {
		return
	}
	r.drawn = time.Now()
	counts := r.state.Counts
	fmt.Fprintf(r.call.Stderr, "\r%d entries: %d imported, %d present, %d refused", r.state.Done, counts.Imported, counts.Present, counts.Refused)
	if last {
		fmt.Fprintln(r.call.Stderr)
	}
}

// clear removes the line of progress.
func (r *importing) clear() {
	if r.call.Drawable() {
		fmt.Fprint(r.call.Stderr, "\r\033[K")
	}
}

// errRefused reports that some accounts were not imported.
var errRefused = errors.New("some accounts were refused")

func (r *importing) finish() error {
	counts := r.state.Counts
	counts.DryRun = r.command.DryRun
	if r.shown > maxShown {
		fmt.Fprintf(r.call.Stderr, "%d more are not shown; --report FILE lists all\n", r.shown-maxShown)
	}
	verb := "imported"
	if counts.DryRun {
		verb = "would import"
	}
	if err := r.call.Say(counts, "%s %d accounts; %d present, %d refused, %d with names that sign-up refuses", verb, counts.Imported, counts.Present, counts.Refused, counts.Irregular); err != nil {
		return err
	}
	if counts.Refused > 0 {
		return errRefused
	}
	return nil
}
