package main

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"strconv"
	"time"
)

// answerPatience bounds one exchange, so that a server that hangs ends the run.
const answerPatience = 60 * time.Second

// connection is a keep-alive connection that spends as little as it can: it
// shares the processors with what it measures. Not for concurrent use.
type connection struct {
	net.Conn
	buffer []byte
}

func dial(address string) (*connection, error) {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return nil, err
	}
	return &connection{conn, make([]byte, 8<<10)}, nil
}

// response is valid until the next exchange on its connection.
type response struct {
	status int
	body   []byte
}

// exchange sends a whole request and reads a whole response.
func (c *connection) exchange(request []byte) (response, error) {
	if err := c.SetDeadline(time.Now().Add(answerPatience)); err != nil {
		return response{}, err
	}
	if _, err := c.Write(request); err != nil {
		return response{}, fmt.Errorf("send request: %w", err)
	}
	r, err := read(c.Conn, c.buffer)
	if err != nil {
		return response{}, fmt.Errorf("read response: %w", err)
	}
	return r, nil
}

// read reads one response into buffer, which must have room for all of it.
func read(from io.Reader, buffer []byte) (response, error) {
	n := 0
	for {
		more, err := from.Read(buffer[n:])
		n += more
		r, length, complete, parseErr := parse(buffer[:n])
		switch {
		case parseErr != nil:
			return response{}, parseErr
		case complete:
			return r, nil
		case err != nil:
			return response{}, err
		case length > len(buffer) || n == len(buffer):
			return response{}, fmt.Errorf("response of more than %d bytes", len(buffer))
		}
	}
}

// parse takes apart what has arrived so far. length is that of the whole
// response, once its header is there.
func parse(text []byte) (r response, length int, complete bool, err error) {
	end := bytes.Index(text, []byte("\r\n\r\n"))
	if end < 0 {
		return response{}, 0, false, nil
	}
	header, rest := text[:end+2], text[end+4:]
	if len(header) < len("HTTP/1.1 200\r\n") {
		return response{}, 0, false, fmt.Errorf("no status line: %q", header)
	}
	if r.status, err = strconv.Atoi(string(header[9:12])); err != nil {
		return response{}, 0, false, fmt.Errorf("read status: %w", err)
	}
	size, err := contentLength(header, r.status)
	if err != nil {
		return response{}, 0, false, err
	}
	r.body = rest
	return r, end + 4 + size, len(rest) == size, nil
}

func contentLength(header []byte, status int) (int, error) {
	const name = "\r\nContent-Length: "
	_, value, found := bytes.Cut(header, []byte(name))
	switch {
	case !found && (status == 204 || status == 304):
		return 0, nil
	case !found:
		return 0, fmt.Errorf("response %d without Content-Length", status)
	}
	digits, _, _ := bytes.Cut(value, []byte("\r\n"))
	return strconv.Atoi(string(digits))
}

// member returns the text of a member of a JSON object that holds no escapes,
// as tokens and ids never do.
func member(body []byte, name string) ([]byte, bool) {
	_, rest, found := bytes.Cut(body, []byte(`"`+name+`":"`))
	if !found {
		return nil, false
	}
	value, _, found := bytes.Cut(rest, []byte{'"'})
	return value, found
}

// get is the text of a GET request; token may be empty.
func get(path, token string) []byte {
	text := "GET " + path + " HTTP/1.1\r\nHost: portaria\r\n"
	if token != "" {
		text += "Authorization: Bearer " + token + "\r\n"
	}
	return []byte(text + "\r\n")
}

// post is the text of a POST request with a JSON body.
func post(path, body string) []byte {
	return fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: portaria\r\nUser-Agent: portaria-bench\r\n"+
		"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", path, len(body), body)
}
