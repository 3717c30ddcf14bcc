package process_test

import (
	"os"
	"strconv"
	"strings"
)

// isZombie reads the state of a process. Source: proc(5), /proc/pid/stat.
func isZombie(pid int) bool {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	_, rest, _ := strings.Cut(string(b), ") ")
	return err == nil && strings.HasPrefix(rest, "Z")
}
