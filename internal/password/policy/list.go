package policy

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"fmt"
	"io"
	"sort"
	"strings"
	"sync"
)

// The list is made anew only if what it is made from has changed.
//go:generate sh -c "go test -count=1 -run ^TestGenerated . >/dev/null || { go run ./makelist && go test -count=1 -run ^TestGenerated . -update; }"

// compressed holds common passwords, words and names of English and Portuguese:
// sorted, folded, one a line, without those of fewer than 4 characters.
//
//go:embed common.txt.gz
var compressed []byte

// minWord is the length of the shortest word of the list, in bytes.
const minWord = 4

// list is the uncompressed text. It is made at the first use, because most processes
// of the command line need none.
var list = sync.OnceValue(func() string {
	text, err := inflate(compressed)
	if err != nil {
		panic(err) // the list is part of the program
	}
	return text
})

func inflate(b []byte) (string, error) {
	r, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		return "", fmt.Errorf("read list of common passwords: %w", err)
	}
	text, err := io.ReadAll(r)
	if err != nil {
		return "", fmt.Errorf("read list of common passwords: %w", err)
	}
	return string(text), nil
}

// listed reports whether a folded word is on the list.
func listed(word string) bool {
	if len(word) < minWord || strings.Contains(word, "\n") {
		return false
	}
	text := list()
	// The start of the line that holds a position, for a binary search.
	line := func(at int) (start int, found string) {
		start = strings.LastIndexByte(text[:at], '\n') + 1
		found, _, _ = strings.Cut(text[start:], "\n")
		return start, found
	}
	at := sort.Search(len(text), func(i int) bool {
		_, found := line(i)
		return found >= word
	})
	if at == len(text) {
		return false
	}
	_, found := line(at)
	return found == word
}
