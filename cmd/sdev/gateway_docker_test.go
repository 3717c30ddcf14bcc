//go:build docker

package main

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"sdev/dev/mirror"
)

// A release of sdev contains the gateway's program. Without it, on Linux, sdev is that program itself. Both come up, and
// copy the project with the same program.
func TestDocker_TheGatewayIsAProgramOfItsOwnOrSdevItself(t *testing.T) {
	plain := filepath.Join(t.TempDir(), "sdev")
	if err := buildProgram(plain); err != nil {
		t.Fatal(err)
	}
	st, err := os.Stat(plain)
	if err != nil {
		t.Fatal(err)
	}
	const limit = 16 << 20
	for name, c := range map[string]struct {
		program string
		fits    func(size int64) bool
	}{
		"release":     {os.Getenv(programVariable), func(size int64) bool { return size > 0 && size <= limit }},
		"plain build": {plain, func(size int64) bool { return size == st.Size() }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv(programVariable, c.program)
			p := scaffolded(t)
			content := home("copied by " + name)
			p.write("code_package/streamlit/Home.py", content)
			answers(t, p.up("--sync").URL)
			p.arrives("/app/code_package/streamlit/Home.py", content)
			for what, size := range map[string]string{
				"the image":    docker(t, "image", "inspect", "-f", "{{.Size}}", docker(t, "inspect", "-f", "{{.Config.Image}}", p.gateway())),
				"the receiver": docker(t, "exec", p.app(), "stat", "-c", "%s", mirror.Program),
			} {
				if n, err := strconv.ParseInt(size, 10, 64); err != nil || !c.fits(n) {
					t.Errorf("%s has %s bytes: %v", what, size, err)
				}
			}
			if out := p.run(0, "up", "--local", "-d", "--sync", "--json"); len(operations(t, out)) != 0 {
				t.Errorf("a second start does something:\n%s", out)
			}
		})
	}
}
