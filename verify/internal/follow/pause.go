package follow

import "time"

// snapshotPause is the pause after a snapshot that was of no use. It doubles with
// each, because snapshots are large. The stream goes on meanwhile.
type snapshotPause struct {
	why   error
	pause time.Duration
	until time.Time
}

const (
	leastPause = time.Second
	mostPause  = time.Minute
)

// note records how the newest snapshot ended.
func (p *snapshotPause) note(err error) {
	if err == nil {
		*p = snapshotPause{}
		return
	}
	p.why, p.pause = err, min(max(leastPause, 2*p.pause), mostPause)
	p.until = time.Now().Add(p.pause)
}

// blocks returns why no snapshot is fetched yet, nil if one may be.
func (p *snapshotPause) blocks() error {
	if time.Now().Before(p.until) {
		return p.why
	}
	return nil
}
