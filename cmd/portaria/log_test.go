package main

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"os"
	"testing"

	"github.com/portaria/portaria/internal/cli"
	"github.com/portaria/portaria/internal/config"
)

// People at a terminal read text, machines JSON, unless somebody decides.
func TestLogFormat(t *testing.T) {
	terminal, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer terminal.Close()
	file, err := os.Create(t.TempDir() + "/log")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	const text, json = "*slog.TextHandler", "*slog.JSONHandler"
	tests := []struct {
		to     io.Writer
		format string
		want   string
	}{
		{terminal, "auto", text}, {file, "auto", json}, {&bytes.Buffer{}, "auto", json},
		{file, "text", text}, {terminal, "json", json},
	}
	for _, test := range tests {
		c := config.Default()
		c.LogFormat = test.format
		log, lines := newLog(cli.Surroundings{Stderr: test.to}, c, new(slog.LevelVar))
		if err := lines.Close(); err != nil {
			t.Error(err)
		}
		if got := fmt.Sprintf("%T", log.Handler()); got != test.want {
			t.Errorf("%s to %T: %s, want %s", test.format, test.to, got, test.want)
		}
	}
}
