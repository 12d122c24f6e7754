//go:build !unix

package setting

import "io/fs"

// foreign cannot be known without Unix permissions.
func foreign(fs.FileInfo) bool { return false }
