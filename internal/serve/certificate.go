package serve

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// checkInterval is the least time between two checks of the certificate's files. They are
// checked only when a client connects.
const checkInterval = 2 * time.Second

// certificate is read from files, and again when they change. A new pair that is invalid is
// logged once and not used: an old certificate is better than no service.
type certificate struct {
	certFile, keyFile string
	log               *slog.Logger
	now               func() time.Time

	current atomic.Pointer[tls.Certificate]
	next    atomic.Int64 // when to look again, in Unix nanoseconds
	reading sync.Mutex   // held by the one connection that looks
	seen    stamp        // of the files at the last attempt; guarded by reading
}

// stamp detects a change of one of the two files.
type stamp struct {
	cert, key         time.Time
	certSize, keySize int64
}

func loadCertificate(certFile, keyFile string, log *slog.Logger) (*certificate, error) {
	c := &certificate{certFile: certFile, keyFile: keyFile, log: log, now: time.Now}
	c.reading.Lock()
	defer c.reading.Unlock()
	_, err := c.reload()
	c.next.Store(c.now().Add(checkInterval).UnixNano())
	return c, err
}

// get is called for each handshake. One handshake at a time checks the files; the others use
// the current certificate.
func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	if now := c.now(); now.UnixNano() >= c.next.Load() && c.reading.TryLock() {
		defer c.reading.Unlock()
		c.next.Store(now.Add(checkInterval).UnixNano())
		if changed, err := c.reload(); err != nil {
			c.log.Error("certificate not reloaded, the old one stays in use", "error", err)
		} else if changed {
			c.log.Info("certificate reloaded", "file", c.certFile)
		}
	}
	return c.current.Load(), nil
}

// reloadNow reads the files even if they have not changed.
func (c *certificate) reloadNow() error {
	c.reading.Lock()
	defer c.reading.Unlock()
	c.seen = stamp{}
	_, err := c.reload()
	return err
}

// reload reads the files if they have changed since the last attempt.
func (c *certificate) reload() (changed bool, err error) {
	files, err := c.stat()
	if files == c.seen {
		return false, nil
	}
	c.seen = files
	if err != nil {
		return false, fmt.Errorf("read certificate: %w", err)
	}
	pair, err := tls.LoadX509KeyPair(c.certFile, c.keyFile)
	if err != nil {
		return false, fmt.Errorf("read certificate %s: %w", c.certFile, err)
	}
	c.current.Store(&pair)
	return true, nil
}

func (c *certificate) stat() (stamp, error) {
	// A missing file has a stamp too, so that it is reported only once.
	missing := stamp{certSize: -1}
	cert, err := os.Stat(c.certFile)
	if err != nil {
		return missing, err
	}
	key, err := os.Stat(c.keyFile)
	if err != nil {
		return missing, err
	}
	return stamp{cert.ModTime(), key.ModTime(), cert.Size(), key.Size()}, nil
}
