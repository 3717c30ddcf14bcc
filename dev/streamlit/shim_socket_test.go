//go:build unix

package streamlit

import (
	"os"
	"path/filepath"
	"testing"
)

// Parts of Streamlit's two servers. Each listens at a port, and prints where it was asked to listen.
const (
	tornadoServer = `
def start_listening_tcp_socket(http_server):
    print("port")
`
	starletteServer = `
def _bind_socket(address, port, backlog):
    print("port")

def _bind_server_socket(address, bind_address, port, backlog):
    return _bind_socket(bind_address, port, backlog), bind_address
`
)

func TestShimSocket_OnlyTheAppListensAtItsSocket(t *testing.T) {
	root := tree(t, map[string]string{
		"streamlit/__init__.py": "", "streamlit/config.py": configModule, "streamlit/web/__init__.py": "", "streamlit/web/server/__init__.py": "",
		"streamlit/web/server/server.py":             tornadoServer,
		"streamlit/web/server/starlette/__init__.py": "", "streamlit/web/server/starlette/starlette_server.py": starletteServer,
	})
	const tornado = `
import streamlit.web.server.server as s
class Server:
    def add_socket(self, bound): print("socket", bound.getsockname() == os.environ["SDEV_SOCKET"], bound.getblocking())
s.start_listening_tcp_socket(Server())
`
	const starlette = `
import streamlit.web.server.starlette.starlette_server as s
bound, address = s._bind_server_socket("127.0.0.1", "127.0.0.1", 8501, 10)
if bound: print("socket", bound.getsockname() == os.environ["SDEV_SOCKET"], bound.getblocking())
`
	for _, server := range []string{tornado, starlette} {
		for _, c := range []struct{ before, want string }{
			{"", "socket True False"},
			{"open(os.environ['SDEV_SOCKET'], 'w').close()", "socket True False"}, // what a killed app has left
			{"sys.argv = ['streamlit', 'run', 'other.py']", "port"},
			{"import socket; other = socket.socket(socket.AF_UNIX); other.bind(os.environ['SDEV_SOCKET']); other.listen()", "port"},
			{"del os.environ['SDEV_SOCKET']", "port"},
		} {
			dir, err := os.MkdirTemp("", "app") // a socket's path must be short
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { os.RemoveAll(dir) })
			if c.before == "" {
				dir = filepath.Join(dir, "new")
			}
			socket := filepath.Join(dir, "app.sock")
			code := "import os, sys\nos.environ.update({'" + ShimSocket + "': '" + socket + "', '" + ShimEntry + "': 'app/main.py'})\n" + c.before + server
			if got := python(t, code, root); got != c.want {
				t.Errorf("%s\n%s\ngot %s, want %s", c.before, server, got, c.want)
			}
		}
	}
}
