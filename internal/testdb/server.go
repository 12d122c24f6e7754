package testdb

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// guard runs the server and outlives us: it reads from a pipe that the kernel
// closes when this process ends, even by SIGKILL; then it stops the server and
// removes everything. The databases sort as a dictionary does, like most in
// production, so that nothing comes to rely on the order of bytes. $1 is the folder, $2 the programs, the rest options.
const guard = `
trap '' PIPE # nobody may be left to hear us
dir=$1 bin=$2; shift 2
cd /
server=
finish() { [ -n "$server" ] && kill -QUIT "$server" && wait "$server"; rm -rf "$dir"; exit; }
"$bin/initdb" --locale=C.UTF-8 --locale-provider=icu --icu-locale=en-US -D "$dir/data" -U postgres -A trust -E UTF8 --no-sync --no-instructions >"$dir/log" 2>&1 ||
	{ cat "$dir/log"; finish; }
"$bin/postgres" -D "$dir/data" -k "$dir" -c listen_addresses= -c max_connections=200 "$@" >>"$dir/log" 2>&1 &
server=$!
until "$bin/pg_isready" -q -h "$dir"; do
	kill -0 "$server" 2>/dev/null || { cat "$dir/log"; finish; }
	sleep 0.02
done
echo ready
read -r _
finish
`

// server is one that runs until this process ends.
type server struct {
	admin string // URL of its administrator
	// lifeline is the pipe that the guard reads from. It must stay reachable:
	// the garbage collector closes files that nobody knows any more.
	lifeline io.Closer
}

func start(options ...string) (*server, error) {
	bin, err := programs()
	if err != nil {
		return nil, err
	}
	// In /tmp, because the path of a socket may have only 107 characters and
	// another user must be able to reach it.
	dir, err := os.MkdirTemp("/tmp", "portaria-postgres-")
	if err != nil {
		return nil, err
	}
	cmd := exec.Command("/bin/sh", slices.Concat([]string{"-c", guard, "guard", dir, bin}, options)...)
	if err := unprivileged(cmd, dir); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	lifeline, err := launch(cmd)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	query := url.Values{"host": {dir}, "user": {"postgres"}, "sslmode": {"disable"}}
	return &server{"postgres:///postgres?" + query.Encode(), lifeline}, nil
}

// launch starts the process that guards the server, and waits until it reports.
func launch(cmd *exec.Cmd) (lifeline io.Closer, err error) {
	lifeline, err = cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	words, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	out := bufio.NewReader(words)
	line, err := out.ReadString('\n')
	if strings.TrimSpace(line) == "ready" {
		return lifeline, nil
	}
	rest, _ := io.ReadAll(out)
	return nil, errors.Join(fmt.Errorf("the server said: %s%s", line, rest), err, lifeline.Close(), cmd.Wait())
}

// unprivileged lets the command run as another user if we are root, which
// PostgreSQL refuses to be; and apart from our terminal, so that Ctrl-C does
// not stop the guard before it has cleaned up.
func unprivileged(cmd *exec.Cmd, dir string) error {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if os.Geteuid() != 0 {
		return nil
	}
	uid, gid, err := anybody()
	if err != nil {
		return err
	}
	cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uid, Gid: gid}
	return os.Chown(dir, int(uid), int(gid))
}

func anybody() (uid, gid uint32, err error) {
	found, err := user.Lookup("postgres")
	if err != nil {
		found, err = user.Lookup("nobody")
	}
	if err != nil {
		return 0, 0, err
	}
	u, uidErr := strconv.ParseUint(found.Uid, 10, 32)
	g, gidErr := strconv.ParseUint(found.Gid, 10, 32)
	return uint32(u), uint32(g), errors.Join(uidErr, gidErr)
}

// programs finds the folder of PostgreSQL's programs: Debian keeps the server's
// outside of the path.
func programs() (string, error) {
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil {
		return "", err
	}
	if len(found) == 0 {
		path, err := exec.LookPath("initdb")
		if err != nil {
			return "", errors.New("no initdb: install PostgreSQL (Debian: apt-get install postgresql), " +
				"or name a running server in " + variable)
		}
		found = []string{path}
	}
	return filepath.Dir(found[len(found)-1]), nil
}
