//go:build !unix

package yamlfile

import "io/fs"

// Foreign cannot be known without Unix permissions.
func Foreign(fs.FileInfo) bool { return false }
