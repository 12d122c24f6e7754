package main

import (
	"io"
	"net"
	"testing"
	"time"
)

// echo answers what it gets.
func echo(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() { _, _ = io.Copy(conn, conn) }()
		}
	}()
	return l.Addr().String()
}

// TestWeather: each weather does to a connection what it says.
func TestWeather(t *testing.T) {
	p, err := startProxy(echo(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.close)
	conn, err := net.Dial("tcp", p.address())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	answered := func(within time.Duration) bool {
		if _, err := conn.Write([]byte("x")); err != nil {
			return false
		}
		_ = conn.SetReadDeadline(time.Now().Add(within))
		n, _ := conn.Read(make([]byte, 1))
		return n == 1
	}
	if !answered(time.Second) {
		t.Fatal("fair weather: no answer")
	}
	p.set(stalled)
	if answered(50 * time.Millisecond) {
		t.Error("stalled: an answer")
	}
	p.set(fair)
	if !answered(time.Second) {
		t.Error("fair again: what was held back did not come")
	}
	if n, _ := conn.Read(make([]byte, 1)); n != 1 {
		t.Error("fair again: only one of two answers came")
	}
	p.set(cut)
	if answered(50 * time.Millisecond) {
		t.Error("cut off: an answer")
	}
	if again, err := net.Dial("tcp", p.address()); err == nil {
		if n, _ := again.Read(make([]byte, 1)); n != 0 {
			t.Error("cut off: a new connection works")
		}
	}
}
