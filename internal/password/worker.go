package password

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"

	"github.com/portaria/portaria/internal/password/legacy"
)

// workerPatience bounds one answer: a worker that is stopped or starved for so
// long is given up.
const workerPatience = 30 * time.Second

// worker is the near side of a process that runs [WorkerMain].
type worker struct {
	in   *os.File // jobs to it
	out  *os.File // answers from it
	cmd  *exec.Cmd
	done chan struct{}
}

// startWorker runs the command at the lowest priority, with nothing of this
// process's environment: the master key may be in it.
func startWorker(command []string) (*worker, error) {
	jobs, in, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer jobs.Close()
	out, answers, err := os.Pipe()
	if err != nil {
		in.Close()
		return nil, err
	}
	defer answers.Close()
	cmd := exec.Command(command[0], command[1:]...)
	// One hash at a time needs one thread, and makes the process's CPU time
	// the hash's.
	cmd.Env = []string{"GOMAXPROCS=1"}
	cmd.Stdin, cmd.Stdout = jobs, answers
	if err := startLow(cmd); err != nil {
		in.Close()
		out.Close()
		return nil, err
	}
	w := &worker{in: in, out: out, cmd: cmd, done: make(chan struct{})}
	go func() {
		defer close(w.done)
		_ = cmd.Wait() // reaped at once; how it ended does not matter
	}()
	return w, nil
}

func (w *worker) gone() bool {
	select {
	case <-w.done:
		return true
	default:
		return false
	}
}

// ask has one job computed and learns how long it was kept from the processor.
func (w *worker) ask(j job) (tag []byte, waited time.Duration, err error) {
	until := time.Now().Add(workerPatience)
	if err := errors.Join(w.in.SetDeadline(until), w.out.SetDeadline(until)); err != nil {
		return nil, 0, fmt.Errorf("set deadline: %w", err)
	}
	if err := writeJob(w.in, j); err != nil {
		return nil, 0, fmt.Errorf("write job: %w", err)
	}
	b := make([]byte, 8+j.size)
	if _, err := io.ReadFull(w.out, b); err != nil {
		return nil, 0, fmt.Errorf("read answer: %w", err)
	}
	return b[8:], time.Duration(binary.BigEndian.Uint64(b)), nil
}

func (w *worker) stop() {
	w.in.Close()
	w.out.Close()
	_ = w.cmd.Process.Kill() // it may be stuck; an error means that it is gone
	<-w.done
}

// header precedes the salt and the password of a job on the pipe.
type header struct {
	MemoryKiB, Iterations uint32
	Parallelism, Size     uint8
	Salt                  uint8
	Plain                 uint16
	Foreign               uint16 // length of the recipe of a foreign hash; 0 for Argon2id
}

func writeJob(w io.Writer, j job) error {
	recipe := ""
	if j.foreign != nil {
		recipe = j.foreign.Recipe()
	}
	b, err := binary.Append(nil, binary.BigEndian, header{
		j.memoryKiB, j.iterations, j.parallelism, uint8(j.size), uint8(len(j.salt)), uint16(len(j.plain)), uint16(len(recipe)),
	})
	if err != nil {
		return err
	}
	_, err = w.Write(append(append(append(b, j.salt...), j.plain...), recipe...))
	return err
}

// readJob trusts the other end of the pipe no more than the database.
func readJob(r io.Reader) (job, error) {
	var h header
	if err := binary.Read(r, binary.BigEndian, &h); err != nil {
		return job{}, err
	}
	j := job{
		params: params{memoryKiB: h.MemoryKiB, iterations: h.Iterations, parallelism: h.Parallelism},
		size:   int(h.Size),
	}
	if h.Foreign > legacy.MaxText {
		return job{}, fmt.Errorf("recipe of %d bytes", h.Foreign)
	}
	b := make([]byte, int(h.Salt)+int(h.Plain)+int(h.Foreign))
	if _, err := io.ReadFull(r, b); err != nil {
		return job{}, err
	}
	recipe := string(b[len(b)-int(h.Foreign):])
	j.salt, j.plain = b[:h.Salt], b[h.Salt:len(b)-len(recipe)]
	if recipe != "" {
		return readForeign(j, recipe)
	}
	if err := j.check(); err != nil {
		return job{}, err
	}
	if j.size < minTag || j.size > maxTag {
		return job{}, fmt.Errorf("tag of %d bytes", j.size)
	}
	return j, nil
}

// serveWorker answers jobs until the input ends or idle has passed without
// one. now is the CPU time of this process.
func serveWorker(in io.Reader, out io.Writer, idle time.Duration, now func() time.Duration) error {
	jobs, failed := make(chan job), make(chan error, 1)
	go func() {
		for {
			j, err := readJob(in)
			if err != nil {
				failed <- err
				return
			}
			jobs <- j
		}
	}()
	for {
		select {
		case j := <-jobs:
			if err := answer(out, j, now); err != nil {
				return fmt.Errorf("write answer: %w", err)
			}
		case err := <-failed:
			if errors.Is(err, io.EOF) {
				return nil
			}
			return fmt.Errorf("read job: %w", err)
		case <-time.After(idle):
			return nil
		}
	}
}

func answer(out io.Writer, j job, cpuNow func() time.Duration) error {
	wall, cpu := time.Now(), cpuNow()
	tag := j.tag()
	waited := kept(time.Since(wall), cpuNow()-cpu)
	_, err := out.Write(append(binary.BigEndian.AppendUint64(nil, uint64(waited)), tag...))
	return err
}
