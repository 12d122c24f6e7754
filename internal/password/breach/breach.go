// Package breach looks passwords up that were published in breaches: in a file of
// the operator, or at a service that learns the first five digits of a hash only
// (k-anonymity).
package breach

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha1"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"

	"github.com/portaria/portaria/internal/outbound"
	"github.com/portaria/portaria/internal/password"
	"github.com/portaria/portaria/internal/password/policy"
)

// hexDigits is the length of a hash in the file and at the service.
const hexDigits = 2 * sha1.Size

// hashOf returns the hash under which breached passwords are published. It is not
// for storing passwords.
func hashOf(p password.Plain) string {
	return fmt.Sprintf("%X", sha1.Sum([]byte(p.Reveal())))
}

// ErrFile reports a file that is no list of hashes.
var ErrFile = errors.New("not a list of SHA-1 hashes in ascending order")

// File is a list of hashes on disk, as the downloader of Have I Been Pwned writes it:
// lines of SHA-1 in hexadecimal, in ascending order, each with or without a colon and
// a count. It is never read as a whole.
type File struct {
	file *os.File
	size int64
}

var _ policy.Breaches = (*File)(nil)

// Open opens a list and checks its first and last line. Errors: ErrFile.
func Open(name string) (*File, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("open list of breached passwords: %w", err)
	}
	f := &File{file: file}
	if err := f.check(); err != nil {
		file.Close()
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	return f, nil
}

// Close closes the file.
func (f *File) Close() error { return f.file.Close() }

func (f *File) check() error {
	info, err := f.file.Stat()
	if err != nil {
		return err
	}
	f.size = info.Size()
	first, _, err := f.line(0)
	if err != nil {
		return err
	}
	last, _, err := f.line(max(0, f.size-2))
	if err != nil {
		return err
	}
	if last < first {
		return ErrFile
	}
	return nil
}

// maxLine bounds a line: a hash, a colon, a count and a line break.
const maxLine = hexDigits + 24

// line returns the hash of the line that holds a position, and where the next line
// begins.
func (f *File) line(at int64) (hash string, next int64, err error) {
	from := max(0, at-maxLine)
	b := make([]byte, at-from+maxLine)
	n, err := f.file.ReadAt(b, from)
	if err != nil && !errors.Is(err, io.EOF) {
		return "", 0, err
	}
	b = b[:n]
	if at-from >= int64(n) {
		return "", 0, ErrFile
	}
	start := bytes.LastIndexByte(b[:at-from], '\n') + 1
	if start == 0 && from > 0 {
		return "", 0, ErrFile
	}
	end := bytes.IndexByte(b[start:], '\n')
	switch {
	case end < 0 && from+int64(n) < f.size:
		return "", 0, ErrFile
	case end < 0:
		end = n - start
	}
	hash = strings.ToUpper(string(b[start : start+min(end, hexDigits)]))
	if len(hash) != hexDigits || strings.Trim(hash, "0123456789ABCDEF") != "" {
		return "", 0, ErrFile
	}
	return hash, from + int64(start+end) + 1, nil
}

// Contains implements [policy.Breaches] with a binary search. An error of reading
// is [policy.ErrNotChecked].
func (f *File) Contains(_ context.Context, chosen password.Plain) (bool, error) {
	want := hashOf(chosen)
	low, high := int64(0), f.size
	for low < high {
		middle := low + (high-low)/2
		hash, next, err := f.line(middle)
		switch {
		case err != nil:
			return false, fmt.Errorf("%w: read list of breached passwords: %w", policy.ErrNotChecked, err)
		case hash == want:
			return true, nil
		case hash < want:
			low = next
		default:
			high = middle
		}
	}
	return false, nil
}

// Getter sends a request. An *outbound.Client is one.
type Getter interface {
	Do(r *http.Request) (*http.Response, error)
}

// Online asks a service that speaks the range protocol of Have I Been Pwned. The
// service learns the first 20 bits of the hash of a password.
type Online struct {
	// URL is what the five digits are appended to.
	URL    string
	Client Getter
	// Closed refuses passwords while the service cannot be reached. Otherwise they
	// are accepted.
	Closed bool
	// Report is called with the reason when the service could not be reached. May
	// be nil.
	Report func(error)
}

var _ policy.Breaches = Online{}

// MaxBody is the limit of an answer for the outbound client: a padded one has about
// 40 KiB.
const MaxBody = 256 << 10

const prefixDigits = 5

// Contains implements [policy.Breaches].
func (o Online) Contains(ctx context.Context, chosen password.Plain) (bool, error) {
	hash := hashOf(chosen)
	found, err := o.ask(ctx, hash[:prefixDigits], hash[prefixDigits:])
	if err == nil {
		return found, nil
	}
	if o.Report != nil {
		o.Report(err)
	}
	if o.Closed {
		return false, fmt.Errorf("%w: %w", policy.ErrNotChecked, err)
	}
	return false, nil
}

func (o Online) ask(ctx context.Context, prefix, suffix string) (bool, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, o.URL+prefix, nil)
	if err != nil {
		return false, err
	}
	// The length of an answer must not say which prefix was asked for.
	r.Header.Set("Add-Padding", "true")
	r.Header.Set("User-Agent", "portaria")
	answer, err := o.Client.Do(r)
	if err != nil {
		return false, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return false, fmt.Errorf("%w: status %d", outbound.ErrResponse, answer.StatusCode)
	}
	found, ranges := false, 0
	for lines := bufio.NewScanner(answer.Body); ; {
		if !lines.Scan() {
			if err := lines.Err(); err != nil {
				return false, err
			}
			break
		}
		got, count, ok := strings.Cut(strings.TrimSpace(lines.Text()), ":")
		if !ok || len(got) != hexDigits-prefixDigits {
			return false, fmt.Errorf("%w: a line is no hash with a count", outbound.ErrResponse)
		}
		ranges++
		// Lines with a count of 0 are padding.
		found = found || strings.EqualFold(got, suffix) && count != "0"
	}
	if ranges == 0 {
		return false, fmt.Errorf("%w: it is empty", outbound.ErrResponse)
	}
	return found, nil
}
