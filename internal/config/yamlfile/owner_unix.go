//go:build unix

package yamlfile

import (
	"io/fs"
	"os"
	"syscall"
)

// Foreign reports whether another user than root and that of the process owns a
// file, or whether every user can write to it.
func Foreign(info fs.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	owned := ok && (stat.Uid == 0 || int(stat.Uid) == os.Geteuid())
	return !owned || info.Mode().Perm()&0o002 != 0
}
