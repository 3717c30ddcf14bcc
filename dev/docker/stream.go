package docker

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/pkg/stdcopy"

	"sdev/dev"
	"sdev/dev/plan"
)

// Stream runs a command in a container as root, and returns its input and output. Closing it ends the input; the
// command should then exit. The reader's final error contains the command's standard error.
func (e *Engine) Stream(ctx context.Context, name string, privileged bool, command ...string) (io.ReadWriteCloser, error) {
	made, err := e.api.ContainerExecCreate(ctx, name, container.ExecOptions{
		User: "0:0", Privileged: privileged, Cmd: command, AttachStdin: true, AttachStdout: true, AttachStderr: true,
	})
	if err != nil {
		return nil, engineError("run a command in "+name, err)
	}
	conn, err := e.api.ContainerExecAttach(ctx, made.ID, container.ExecAttachOptions{})
	if err != nil {
		return nil, engineError("run a command in "+name, err)
	}
	return newStream(conn), nil
}

// newStream returns the input and output of an attached process. Its Close waits for the goroutine that copies the
// output.
func newStream(conn types.HijackedResponse) io.ReadWriteCloser {
	out, in := io.Pipe()
	s := &stream{Reader: out, Writer: conn.Conn, hangUp: func() { conn.Close(); _ = out.Close() }}
	s.copier.Go(func() {
		var stderr bytes.Buffer
		_, err := stdcopy.StdCopy(in, &limited{&stderr, 4 << 10}, conn.Reader)
		if err == nil {
			err = io.EOF
		}
		if text := strings.TrimSpace(stderr.String()); text != "" {
			err = fmt.Errorf("%w: %s", err, dev.Sanitize(text))
		}
		in.CloseWithError(err)
	})
	return s
}

type stream struct {
	io.Reader
	io.Writer
	hangUp func()
	once   sync.Once
	copier sync.WaitGroup
}

func (s *stream) Close() error {
	s.once.Do(s.hangUp)
	s.copier.Wait()
	return nil
}

// limited stores the first room bytes written to it and drops the rest.
type limited struct {
	*bytes.Buffer
	room int
}

func (l *limited) Write(p []byte) (int, error) {
	n := min(l.room, len(p))
	l.room -= n
	l.Buffer.Write(p[:n])
	return len(p), nil
}

// Put unpacks an archive into a directory of a container, running or not. The engine refuses a container
// whose root is read-only, unless the directory lies on a volume.
func (e *Engine) Put(ctx context.Context, name, dir string, archive io.Reader) error {
	return engineError("copy files into "+name, e.api.CopyToContainer(ctx, name, dir, archive, container.CopyToContainerOptions{}))
}

// Stat returns size and modification time, in whole seconds, of a file in a container; ok is false if it does
// not exist.
func (e *Engine) Stat(ctx context.Context, name, file string) (size int64, modified time.Time, ok bool, err error) {
	st, err := e.api.ContainerStatPath(ctx, name, file)
	if isGone(err) {
		return 0, time.Time{}, false, nil
	}
	if err != nil {
		return 0, time.Time{}, false, engineError("read a file in "+name, err)
	}
	return st.Size, st.Mtime.Truncate(time.Second), true, nil
}

// ContainerUser determines user id and group id of a container's process, as the engine does: from the container's own
// list of users. The container need not run; for one that does not exist, the result is zero.
func (e *Engine) ContainerUser(ctx context.Context, name string) (plan.ContainerUser, error) {
	c, err := e.api.ContainerInspect(ctx, name)
	if isGone(err) {
		return plan.ContainerUser{}, nil
	}
	if err != nil {
		return plan.ContainerUser{}, engineError("inspect "+name, err)
	}
	id := plan.ContainerUser{Running: c.State.Running, Restricted: len(c.HostConfig.CapDrop) > 0, ReadOnly: c.HostConfig.ReadonlyRootfs}
	if image, err := e.api.ImageInspect(ctx, c.Image); err == nil {
		id.ImageMade, _ = time.Parse(time.RFC3339Nano, image.Created)
	}
	read := func(file string) (string, error) {
		_, content, err := e.readFile(ctx, name, file)
		return string(content), err
	}
	id.UID, id.GID, err = resolveUser(c.Config.User, read)
	if err != nil {
		return id, fmt.Errorf("user %q of %s: %w", c.Config.User, name, err)
	}
	return id, nil
}

// resolveUser follows the engine's rules for the user setting, "USER[:GROUP]" by name or number.
// Source: docs.docker.com/reference/dockerfile, "USER", and opencontainers/runc, libcontainer/user.
func resolveUser(setting string, read func(file string) (string, error)) (uid, gid int, err error) {
	user, group, grouped := strings.Cut(setting, ":")
	uid, uerr := strconv.Atoi(user)
	gid, gerr := strconv.Atoi(group)
	numericUser, numericGroup := user == "" || uerr == nil, grouped && gerr == nil
	if user == "" {
		uid = 0
	}
	if !numericUser || !numericGroup {
		found, err := lookUp(read, "/etc/passwd", user, uid, numericUser)
		switch {
		case err != nil:
			return 0, 0, err
		case len(found) > 3:
			uid, _ = strconv.Atoi(found[2])
			if !grouped {
				gid, _ = strconv.Atoi(found[3])
			}
		case !numericUser:
			return 0, 0, errors.New("no such user in the container's /etc/passwd")
		}
	}
	if grouped && group != "" && !numericGroup {
		found, err := lookUp(read, "/etc/group", group, 0, false)
		if err != nil {
			return 0, 0, err
		}
		if len(found) < 3 {
			return 0, 0, errors.New("no such group in the container's /etc/group")
		}
		gid, _ = strconv.Atoi(found[2])
	}
	return uid, gid, nil
}

// lookUp returns the fields of the first line with a name, or with a number in its third field; none if the file
// is missing.
func lookUp(read func(string) (string, error), file, name string, number int, numeric bool) ([]string, error) {
	text, err := read(file)
	if err != nil {
		if isGone(err) {
			return nil, nil
		}
		return nil, err
	}
	for line := range strings.Lines(text) {
		fields := strings.Split(strings.TrimSpace(line), ":")
		if len(fields) < 3 {
			continue
		}
		if !numeric && fields[0] == name || numeric && fields[2] == strconv.Itoa(number) {
			return fields, nil
		}
	}
	return nil, nil
}

// readFile reads a small file in a container, follows links, and returns the final path. For a link, Docker reports the
// final target, and Podman the link's text.
func (e *Engine) readFile(ctx context.Context, name, file string) (at string, content []byte, err error) {
	at = file
	for range 8 { // more than any distribution needs, but finite
		st, err := e.api.ContainerStatPath(ctx, name, at)
		if err != nil {
			return "", nil, err
		}
		if st.Mode&os.ModeSymlink == 0 {
			break
		}
		if !path.IsAbs(st.LinkTarget) {
			st.LinkTarget = path.Join(path.Dir(at), st.LinkTarget)
		}
		at = st.LinkTarget
	}
	out, _, err := e.api.CopyFromContainer(ctx, name, at)
	if err != nil {
		return "", nil, err
	}
	defer out.Close()
	archive := tar.NewReader(out)
	header, err := archive.Next()
	if err != nil {
		return "", nil, err
	}
	if header.Typeflag != tar.TypeReg {
		return "", nil, fmt.Errorf("%s is not a file: %w", at, errdefs.ErrNotFound)
	}
	content, err = io.ReadAll(io.LimitReader(archive, 4<<20))
	return at, content, err
}

// Command runs a command in a container, with its own user, directory and environment, and returns its output and
// exit code.
func (e *Engine) Command(ctx context.Context, name string, x dev.Exec) (output string, code int, err error) {
	var out bytes.Buffer
	limit := &limited{&out, 64 << 10}
	code, err = e.Run(ctx, plan.Exec{Container: name, Command: x.Command, User: x.User, Dir: x.WorkingDir, Env: x.Env, Privileged: x.Privileged, Out: limit, Err: limit})
	return out.String(), code, err
}
