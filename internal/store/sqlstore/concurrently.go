package sqlstore

import (
	"io"
	"io/fs"
	"strings"
)

// concurrently is a folder of migrations as PostgreSQL runs it. Migrations that
// say NO TRANSACTION build and drop indexes CONCURRENTLY, a word that SQLite
// does not know: other processes go on writing to the table meanwhile.
type concurrently struct{ fs.FS }

// Open implements [fs.FS].
func (c concurrently) Open(name string) (fs.File, error) {
	file, err := c.FS.Open(name)
	if err != nil || !strings.HasSuffix(name, ".sql") {
		return file, err
	}
	text, err := io.ReadAll(file)
	if err != nil {
		return nil, err
	}
	return migration{file, strings.NewReader(online(string(text)))}, nil
}

func online(text string) string {
	if !strings.Contains(text, "+goose NO TRANSACTION") {
		return text
	}
	return strings.NewReplacer("\nCREATE INDEX ", "\nCREATE INDEX CONCURRENTLY ", "\nCREATE UNIQUE INDEX ", "\nCREATE UNIQUE INDEX CONCURRENTLY ",
		"\nDROP INDEX ", "\nDROP INDEX CONCURRENTLY ").Replace(text)
}

// migration is a file with another text.
type migration struct {
	fs.File
	text *strings.Reader
}

// Read implements [fs.File].
func (m migration) Read(p []byte) (int, error) { return m.text.Read(p) }
