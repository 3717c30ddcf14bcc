//go:build docker

package docker_test

import (
	"archive/tar"
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"sdev/dev"
	"sdev/dev/docker"
)

// sleeper starts a container that does nothing, as a user, until the test ends.
func sleeper(t *testing.T, user string) (*docker.Engine, string) {
	t.Helper()
	name := fmt.Sprintf("sdev-stream-%d-%x", os.Getpid(), time.Now().UnixNano()&0xffffff)
	out, err := exec.Command("docker", "run", "-d", "--init", "--name", name, "--user", user, "--network", "none", "python:3.11-slim", "sleep", "600").CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	t.Cleanup(func() { _ = exec.Command("docker", "rm", "-f", name).Run() }) // it may be gone
	e, err := docker.Open(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	return e, name
}

func TestDockerStream_CarriesBytesBothWaysUntilOneSideEnds(t *testing.T) {
	e, name := sleeper(t, "1000")
	s, err := e.Stream(t.Context(), name, false, "sh", "-c", "id -u; cat; echo the end; echo trouble >&2")
	if err != nil {
		t.Fatal(err)
	}
	in := bufio.NewReader(s)
	if line, err := in.ReadString('\n'); err != nil || line != "0\n" {
		t.Errorf("it runs as %q, %v, want root", line, err)
	}
	sent := bytes.Repeat([]byte("\x00\xff any bytes\r\n"), 100_000)
	wrote := make(chan error, 1)
	go func() {
		_, err := s.Write(sent)
		wrote <- err
	}()
	got := make([]byte, len(sent))
	if _, err := io.ReadFull(in, got); err != nil || !bytes.Equal(got, sent) {
		t.Errorf("what comes back differs: %v", err)
	}
	if err := <-wrote; err != nil {
		t.Error(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if _, err := io.ReadAll(in); err == nil {
		t.Error("a closed stream can be read")
	}
	// The command ends with its input, so no process is left in the container.
	deadline := time.NewTimer(10 * time.Second)
	defer deadline.Stop()
	for {
		out, err := exec.Command("docker", "top", name).CombinedOutput()
		if err == nil && !strings.Contains(string(out), "cat") {
			return
		}
		select {
		case <-deadline.C:
			t.Fatalf("the command goes on:\n%s", out)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func TestDockerStream_EndsWithItsContainer(t *testing.T) {
	e, name := sleeper(t, "1000")
	s, err := e.Stream(t.Context(), name, false, "sh", "-c", "echo ready; echo why >&2; cat")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	in := bufio.NewReader(s)
	if _, err := in.ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("docker", "kill", name).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if _, err := in.ReadString('\n'); !errors.Is(err, io.EOF) || !strings.Contains(err.Error(), "why") {
		t.Errorf("the stream ended with %v, want the end of the command's standard error", err)
	}
	if _, err := e.Stream(t.Context(), name, false, "true"); err == nil {
		t.Error("a command runs in a container that does not")
	}
}

func TestDockerIdentify_AndFilesOfAContainer(t *testing.T) {
	e, name := sleeper(t, "nobody:games")
	id, err := e.ContainerUser(t.Context(), name)
	if err != nil || id.UID != 65534 || id.GID != 60 || !id.Running || id.Restricted || id.ImageMade.IsZero() {
		t.Errorf("%+v, %v", id, err)
	}
	modified := time.Date(2026, 1, 2, 3, 4, 5, 678, time.UTC)
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	if err := errors.Join(w.WriteHeader(&tar.Header{Name: "opt/put/here", Mode: 0o600, Size: 4, Uid: 7, Gid: 8, ModTime: modified, Format: tar.FormatPAX}), func() error { _, err := w.Write([]byte("here")); return err }(), w.Close()); err != nil {
		t.Fatal(err)
	}
	if err := e.Put(t.Context(), name, "/", &b); err != nil {
		t.Fatal(err)
	}
	size, at, ok, err := e.Stat(t.Context(), name, "/opt/put/here")
	if err != nil || !ok || size != 4 || !at.Equal(modified.Truncate(time.Second)) {
		t.Errorf("%d bytes of %v, %v, %v", size, at, ok, err)
	}
	if _, _, ok, err := e.Stat(t.Context(), name, "/opt/put/nowhere"); ok || err != nil {
		t.Errorf("a file that is not there: %v, %v", ok, err)
	}
	x := dev.Exec{Command: []string{"sh", "-c", "stat -c '%u:%g %a %y' put/here; echo $A; id -un; exit 3"}, User: "root", WorkingDir: "/opt", Env: []string{"A=b"}}
	out, code, err := e.Command(t.Context(), name, x)
	if want := "7:8 600 2026-01-02 03:04:05.000000678 +0000\nb\nroot\n"; err != nil || code != 3 || out != want {
		t.Errorf("exit code %d, %v:\n%s\nwant\n%s", code, err, out, want)
	}
	if _, code, err := e.Command(t.Context(), name, dev.Exec{Command: []string{"no-such-program"}}); err == nil && code == 0 {
		t.Error("a program that is not there ran well")
	}
}
