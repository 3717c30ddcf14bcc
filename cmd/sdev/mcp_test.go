package main

import (
	"bufio"
	"errors"
	"io"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// An agent starts the program, and ends it by closing its input.
func TestMCP_SpeaksWithAClientOfItsOwn(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), os.Getenv(programVariable), "mcp", "--allow", "all")
	cmd.Dir = t.TempDir()
	client, err := mcp.NewClient(&mcp.Implementation{Name: "test"}, nil).Connect(t.Context(), &mcp.CommandTransport{Command: cmd}, nil)
	if err != nil {
		t.Fatal(err)
	}
	tools, err := client.ListTools(t.Context(), nil)
	if err != nil || len(tools.Tools) != 8 {
		t.Errorf("%v, %+v", err, tools)
	}
	r, err := client.CallTool(t.Context(), &mcp.CallToolParams{Name: "logs"})
	if err != nil || !r.IsError {
		t.Errorf("%v, %+v", err, r)
	}
	if err := client.Close(); err != nil || cmd.ProcessState.ExitCode() != 0 {
		t.Errorf("%v, %v", err, cmd.ProcessState)
	}
}

func TestMCP_EndsAtOnceWithASignal(t *testing.T) {
	for _, signal := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
		cmd := exec.CommandContext(t.Context(), os.Getenv(programVariable), "mcp")
		cmd.Dir = t.TempDir()
		in, err := cmd.StdinPipe()
		out, outErr := cmd.StdoutPipe()
		if err := errors.Join(err, outErr, cmd.Start()); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(in, `{"jsonrpc":"2.0","id":1,"method":"ping"}`+"\n"); err != nil {
			t.Fatal(err)
		}
		if _, err := bufio.NewReader(out).ReadString('\n'); err != nil { // it serves
			t.Fatal(err)
		}
		began := time.Now()
		if err := cmd.Process.Signal(signal); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait()
		if took := time.Since(began); cmd.ProcessState.ExitCode() != 130 || took > 5*time.Second {
			t.Errorf("%v: %v after %s", signal, cmd.ProcessState, took)
		}
		_ = in.Close()
	}
}
