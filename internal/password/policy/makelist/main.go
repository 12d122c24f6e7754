// Command makelist makes the list of common passwords from npm packages. It needs
// npm, tar and the network. Run it in the folder of package policy.
package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/portaria/portaria/internal/password/policy"
)

// source is a package of npm with files that are JSON lists of texts, and how many
// of each file are taken; all of them with 0.
type source struct {
	name, version, integrity string
	files                    map[string]int
}

func sources() []source {
	return []source{
		{"@zxcvbn-ts/language-common", "4.1.3", "sha512-g2bg4skmlJG9aJqC/nWziZzgYpSe/f3rKeGobrkdFiOrfZVFqqzUgC6BUQWuX54Sua9j0Jxxt+1bf4f/Mal1Kg==", map[string]int{"passwords": 0}},
		{"@zxcvbn-ts/language-pt-br", "4.1.1", "sha512-v5F/rtlbh+81MgonI3xRcwn4QVz60YBImrdBoUlYkofvuVNlF/YoLTJNfQcNGqnO9DYdiivDx8NGyYGfebPHOw==", map[string]int{"commonWords": 0, "firstnames": 0, "lastnames": 0, "wikipedia": 0}},
		{"@zxcvbn-ts/language-en", "4.1.1", "sha512-6UdzuBd3Uex8TKubohcn+uXRVAH34Zjs2eCfT4hQVo9zeTy7AkQRQfdV4OnHR5hQfW/XBrK/AGTZk7VBWh7wwQ==", map[string]int{"commonWords": 20_000, "firstnames": 0, "lastnames": 2_000}},
	}
}

const (
	output = "common.txt.gz"
	extra  = "brasil.txt"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "make list of common passwords:", err)
		os.Exit(1)
	}
}

func run() error {
	words := map[string]bool{}
	if err := addLines(words, extra); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "makelist")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	for _, s := range sources() {
		if err := addPackage(words, dir, s); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	var out bytes.Buffer
	z, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		return err
	}
	for _, word := range slices.Sorted(maps.Keys(words)) {
		fmt.Fprintln(z, word)
	}
	if err := z.Close(); err != nil {
		return err
	}
	fmt.Printf("%d words, %d bytes\n", len(words), out.Len())
	return os.WriteFile(output, out.Bytes(), 0o644)
}

func add(words map[string]bool, text string) {
	word := policy.Fold(text)
	if n := utf8.RuneCountInString(word); n >= 4 && n <= policy.MaxChecked && utf8.ValidString(word) {
		words[word] = true
	}
}

func addLines(words map[string]bool, name string) error {
	file, err := os.Open(name)
	if err != nil {
		return err
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		if text, _, _ := strings.Cut(lines.Text(), "#"); text != "" {
			add(words, text)
		}
	}
	return lines.Err()
}

// addPackage downloads a package, compares its hash, and reads its lists.
func addPackage(words map[string]bool, dir string, s source) error {
	pack := exec.Command("npm", "pack", "--json", s.name+"@"+s.version)
	pack.Dir = dir
	text, err := pack.Output()
	if err != nil {
		return fmt.Errorf("npm pack: %w", err)
	}
	var packed []struct{ Filename, Integrity string }
	if err := json.Unmarshal(text, &packed); err != nil || len(packed) != 1 {
		return fmt.Errorf("npm pack printed %q: %w", text, err)
	}
	if packed[0].Integrity != s.integrity {
		return fmt.Errorf("integrity of the package is %s, want %s", packed[0].Integrity, s.integrity)
	}
	archive := filepath.Join(dir, packed[0].Filename)
	for file, most := range s.files {
		text, err := exec.Command("tar", "-xzOf", archive, "package/src/"+file+".json").Output()
		if err != nil {
			return fmt.Errorf("read %s: %w", file, err)
		}
		var list []string
		if err := json.Unmarshal(text, &list); err != nil {
			return fmt.Errorf("read %s: %w", file, err)
		}
		if most > 0 {
			list = list[:min(most, len(list))]
		}
		for _, word := range list {
			add(words, word)
		}
	}
	return nil
}
