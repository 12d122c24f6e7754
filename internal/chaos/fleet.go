package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"syscall"
)

// company is a process of verifiers as the coordinator sees it. It can be
// killed. Its successor gets the same orders again.
type company struct {
	name   string
	binary string
	role   role
	hear   func(*company, sighting)

	mu   sync.Mutex
	in   *json.Encoder
	kill func()
	told []order // to watch
	good []string
}

func (c *company) start() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	text, err := json.Marshal(c.role)
	if err != nil {
		return err
	}
	cmd := exec.Command(c.binary, "-role", string(text))
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	in, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start verifiers: %w", err)
	}
	ended := make(chan struct{})
	go func() {
		c.listen(out)
		_ = cmd.Wait() // it is killed
		close(ended)
	}()
	c.in = json.NewEncoder(in)
	c.kill = func() {
		_ = cmd.Process.Kill()
		<-ended
	}
	for _, o := range append(c.told, order{Good: c.good}) {
		if err := c.in.Encode(o); err != nil {
			return err
		}
	}
	return nil
}

func (c *company) listen(out io.Reader) {
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		var s sighting
		if err := json.Unmarshal(lines.Bytes(), &s); err != nil {
			s.Wrong = "unreadable: " + lines.Text()
		}
		c.hear(c, s)
	}
}

// restart kills the process and runs another one, which knows nothing.
func (c *company) restart() error {
	c.mu.Lock()
	kill := c.kill
	c.mu.Unlock()
	kill()
	return c.start()
}

func (c *company) watch(o order) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.told = append(c.told, o)
	_ = c.in.Encode(o) // one that was just killed is told at its start
}

func (c *company) praise(good []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.good = good
	_ = c.in.Encode(order{Good: good})
}

func (c *company) stop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.kill()
}
