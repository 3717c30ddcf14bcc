package gateway

import (
	"bufio"
	"net"
	"os"
	"strconv"
	"strings"
)

// listener returns the inode of the socket that listens on addr's port in this network namespace; 0 if there is none.
// A new number means that the app has restarted.
//
// The columns of /proc/net/tcp are number, local address, remote address, state (0A is LISTEN), and so on; the tenth
// is the inode (Documentation/networking/proc_net_tcp.rst of Linux). Listening sockets come first.
func listener(addr string) uint64 {
	_, portText, err := net.SplitHostPort(addr)
	if err != nil {
		return 0
	}
	port, err := strconv.ParseUint(portText, 10, 16)
	if err != nil {
		return 0
	}
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		if inode := findListener(table, port); inode != 0 {
			return inode
		}
	}
	return 0
}

func findListener(table string, port uint64) uint64 {
	f, err := os.Open(table)
	if err != nil {
		return 0
	}
	defer func() { _ = f.Close() }() // it was only read
	lines := bufio.NewScanner(f)
	lines.Scan() // the heading
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) < 10 || fields[3] != "0A" {
			return 0
		}
		_, hex, _ := strings.Cut(fields[1], ":")
		if p, err := strconv.ParseUint(hex, 16, 16); err != nil || p != port {
			continue
		}
		inode, err := strconv.ParseUint(fields[9], 10, 64)
		if err != nil {
			return 0
		}
		return inode
	}
	return 0
}
