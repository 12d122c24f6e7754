package yamlfile

import (
	"errors"
	"io"
	"os"
	"strings"
)

// maxFile bounds the settings file and each file with a value.
const maxFile = 1 << 20

// Read reads a whole file of bounded size.
func Read(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", Plain(err)
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	if err != nil {
		return "", Plain(err)
	}
	if len(text) > maxFile {
		return "", errors.New("is longer than 1 MiB")
	}
	return string(text), nil
}

// Plain drops the path from a file error: the position is already named, and what
// was given as a path may be a secret in the wrong variable.
func Plain(err error) error {
	var pathError *os.PathError
	if errors.As(err, &pathError) {
		return pathError.Err
	}
	return err
}

// ErrNotPath does not repeat the value, which may be the secret itself.
var ErrNotPath = errors.New("must be the path of a file, and looks like the content of one")

// LooksLikeContent reports whether a value given as a path is more likely the
// content of a file: a URL, a PEM block or JSON.
func LooksLikeContent(path string) bool {
	return strings.Contains(path, "://") || strings.Contains(path, "-----BEGIN") || strings.HasPrefix(path, "{")
}

// ExposedText is the warning about a file for which [Exposed] is true.
const ExposedText = "holds a secret and every user of this machine may read the file; run chmod 640 on it"

// Exposed reports whether every user of the machine may read a file.
func Exposed(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode().Perm()&0o004 != 0
}
