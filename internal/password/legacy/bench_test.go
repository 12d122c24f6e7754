package legacy_test

import (
	"strings"
	"testing"
	"time"

	"github.com/portaria/portaria/internal/password/legacy"
)

// BenchmarkWork prints what [legacy.Hash.Work] would be if it were measured now:
// the time of a scheme divided by that of Argon2id for each KiB and pass. Both
// are computed in turns, so that a busy machine slows down both.
func BenchmarkWork(b *testing.B) {
	unit := parse(b, legacy.Source{Text: "$argon2id$v=19$m=19456,t=2,p=1$" + salt8 + "$" + tag32})
	for name, text := range map[string]string{
		"bcrypt":        "$2b$08$" + bcrypt,
		"argon2d":       "$argon2d$v=19$m=19456,t=2,p=1$" + salt8 + "$" + tag32,
		"scrypt":        "$scrypt$ln=14,r=8,p=1$" + salt8 + "$" + tag32,
		"yescrypt":      "$y$j9T$4fKyWvaqJa2kI1$" + yes,
		"pbkdf2-sha1":   "$pbkdf2$20000$" + salt8 + "$" + tag(20),
		"pbkdf2-sha256": "$pbkdf2-sha256$20000$" + salt8 + "$" + tag(32),
		"pbkdf2-sha512": "$pbkdf2-sha512$20000$" + salt8 + "$" + tag(64),
		"sha256-crypt":  "$5$salt$" + strings.Repeat("a", 43),
		"sha512-crypt":  "$6$salt$" + strings.Repeat("a", 86),
		"md5-crypt":     "$1$salt$" + strings.Repeat("a", 22),
		"phpass":        "$P$Babcdefgh" + strings.Repeat("a", 22),
		"md5":           "5f4dcc3b5aa765d61d8327deb882cf99",
	} {
		b.Run(name, func(b *testing.B) {
			h := parse(b, legacy.Source{Text: text})
			var own, units time.Duration
			for range b.N {
				own += duration(h)
				units += duration(unit)
			}
			b.ReportMetric(float64(own)/float64(units)*19456*2, "measured")
			b.ReportMetric(float64(h.Work()), "Work")
		})
	}
}

func duration(h legacy.Hash) time.Duration {
	start := time.Now()
	_ = h.Verify([]byte("correct horse"))
	return time.Since(start)
}
