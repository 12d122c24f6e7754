package keyring

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// ErrMasterKeyExposed reports a master key file that others than its owner and
// group may use, or that its group may write.
var ErrMasterKeyExposed = errors.New("master key: too many may use the file")

// LoadMasterKey reads a master key file. It refuses a file that others may
// use in any way, or that its group may write (ErrMasterKeyExposed); that its
// group may read it is how Kubernetes mounts secrets (fsGroup, mode 0440). ErrMasterKeyMissing means that there
// is no such file.
func LoadMasterKey(path string) (*MasterKey, error) {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: no file %s", ErrMasterKeyMissing, path)
	}
	if err != nil {
		return nil, fmt.Errorf("read master key: %w", err)
	}
	defer file.Close()
	// Ask the open file, not the path: they might be two different files.
	info, err := file.Stat()
	if err != nil {
		return nil, fmt.Errorf("read master key: %w", err)
	}
	if mode := info.Mode(); mode.Perm()&0o037 != 0 {
		return nil, fmt.Errorf("%w: %s has mode %04o; run: chmod 600 %s (or 640, if its group must read it)",
			ErrMasterKeyExposed, path, mode.Perm(), path)
	}
	text, err := io.ReadAll(io.LimitReader(file, maxMasterKeyBytes+1))
	if err != nil {
		return nil, fmt.Errorf("read master key: %w", err)
	}
	key, err := ParseMasterKey(text)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	return key, nil
}

// CreateMasterKeyFile writes a new master key to a file that only its owner
// may read, and returns it. It never overwrites: an existing file is an error
// for which errors.Is(err, fs.ErrExist) is true. The file is on disk before
// the function returns, so that nothing is ever sealed with a key that a power
// cut takes away.
func CreateMasterKeyFile(path string, dev bool) (*MasterKey, error) {
	text := NewMasterKey()
	if dev {
		text = NewDevMasterKey()
	}
	if err := publish(path, text); err != nil {
		return nil, fmt.Errorf("create master key: %w", err)
	}
	return ParseMasterKey(text)
}

// publish makes a file that is whole from the moment it has its name: killed
// half-way, it would otherwise be taken for a damaged key at every start, and
// another process that starts now might read half of it.
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

// syncFolder puts the names in a folder on disk.
func syncFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}
