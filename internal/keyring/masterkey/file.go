package masterkey

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// ErrExposed reports a master key file that users other than its owner and group may
// use, or that its group may write.
var ErrExposed = errors.New("master key: the permissions of the file are too wide")

// Load reads a master key file. It returns ErrMissing if there is no file. It returns
// ErrExposed if other users may use the file, or if its group may write it. The
// group may read the file, because Kubernetes mounts secrets so (fsGroup, mode 0440).
func Load(path string) (*Key, error) {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: no file %s", ErrMissing, path)
	}
	if err != nil {
		return nil, fmt.Errorf("read master key: %w", err)
	}
	defer file.Close()
	// Stat the open file: the path may name another file by now.
	info, err := file.Stat()
	if err != nil {
		return nil, fmt.Errorf("read master key: %w", err)
	}
	if mode := info.Mode(); mode.Perm()&0o037 != 0 {
		return nil, fmt.Errorf("%w: %s has mode %04o; run: chmod 600 %s (or 640, if its group must read it)",
			ErrExposed, path, mode.Perm(), path)
	}
	text, err := io.ReadAll(io.LimitReader(file, maxBytes+1))
	if err != nil {
		return nil, fmt.Errorf("read master key: %w", err)
	}
	key, err := Parse(text)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	return key, nil
}

// CreateFile writes a new master key to a file that only its owner may read, and returns
// it. It never overwrites: for an existing file, errors.Is(err, fs.ErrExist) is true. The
// file is synced to disk before anything is sealed with the key.
func CreateFile(path string, dev bool) (*Key, error) {
	text := New()
	if dev {
		text = NewDev()
	}
	if err := publish(path, text); err != nil {
		return nil, fmt.Errorf("create master key: %w", err)
	}
	return Parse(text)
}

// publish creates a file that is complete as soon as it has its name. Otherwise a crash
// would leave a damaged key, and another process could read half of it.
func publish(path string, text []byte) (err error) {
	file, err := os.CreateTemp(filepath.Dir(path), ".portaria-*") // mode 0600
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.Remove(file.Name())) }()
	_, err = file.Write(text)
	if err := errors.Join(err, file.Sync(), file.Close()); err != nil {
		return err
	}
	// Unlike a rename, a link never replaces a file.
	if err := os.Link(file.Name(), path); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(path))
}

// syncFolder writes the names in a folder to disk.
func syncFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}
