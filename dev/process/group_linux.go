package process

import (
	"bytes"
	"os"
	"strconv"
	"syscall"
)

func groupAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// endStrays kills the processes of a container that have left its group, for example a daemon. Their environment names the
// container. It looks again until it finds none, because they may start others meanwhile.
func endStrays(id string) {
	const most = 10 // rounds: a program that multiplies faster cannot be ended like this
	for range most {
		killed := false
		for _, pid := range marked(id) {
			killed = syscall.Kill(pid, syscall.SIGKILL) == nil || killed
		}
		if !killed {
			return
		}
	}
}

// marked returns the processes whose environment names a container. Those of other users cannot be read, and are not
// sdev's. Source: proc(5), /proc/pid/environ; it is empty for a process that has ended.
func marked(id string) []int {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	mark := []byte("\x00" + markVariable + "=" + id + "\x00")
	var out []int
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || pid == os.Getpid() {
			continue
		}
		environ, err := os.ReadFile("/proc/" + e.Name() + "/environ")
		if err == nil && bytes.Contains(append([]byte{0}, environ...), mark) {
			out = append(out, pid)
		}
	}
	return out
}
