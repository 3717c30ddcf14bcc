package mcp

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
)

func TestServe_AnswersLinesThatAreNoMessages(t *testing.T) {
	w := served(t, newFake())
	for _, row := range []struct {
		line string
		id   any
		code int
		says string
	}{
		{`{"jsonrpc":"2.0","id":1,`, nil, jsonrpc.CodeParseError, "not valid JSON"},
		{`hello`, nil, jsonrpc.CodeParseError, "not valid JSON"},
		{strings.Repeat("[", 100_000), nil, jsonrpc.CodeParseError, "not valid JSON"},
		{"\xff\xfe", nil, jsonrpc.CodeParseError, "not valid JSON"},
		{`[]`, nil, jsonrpc.CodeInvalidRequest, "no batches"},
		{`[{"jsonrpc":"2.0","id":1,"method":"ping"}]`, nil, jsonrpc.CodeInvalidRequest, "no batches"},
		{`{}`, nil, jsonrpc.CodeInvalidRequest, "JSON-RPC 2.0"},
		{`7`, nil, jsonrpc.CodeInvalidRequest, "JSON-RPC 2.0"},
		{`null`, nil, jsonrpc.CodeInvalidRequest, "JSON-RPC 2.0"},
		{`{"jsonrpc":"1.0","id":"old","method":"ping"}`, "old", jsonrpc.CodeInvalidRequest, "JSON-RPC 2.0"},
		{`{"jsonrpc":"2.0","id":{"a":1},"method":"ping"}`, nil, jsonrpc.CodeInvalidRequest, "JSON-RPC 2.0"},
		{`{"jsonrpc":"2.0","id":"x","method":["ping"]}`, "x", jsonrpc.CodeInvalidRequest, "JSON-RPC 2.0"},
		{`{"jsonrpc":"2.0","id":"x","method":"no/such"}`, "x", jsonrpc.CodeMethodNotFound, "no/such"},
		{`{"jsonrpc":"2.0","id":"x","method":"tools/call","params":[]}`, "x", jsonrpc.CodeInvalidParams, ""},
		{`{"jsonrpc":"2.0","id":"x","method":"tools/call","params":{"name":"restart"}}`, "x", jsonrpc.CodeInvalidParams, "restart"},
	} {
		w.send(row.line)
		if m := w.read(row.id); m.Error.Code != row.code || !strings.Contains(m.Error.Message, row.says) {
			t.Errorf("%.60q is answered with %+v", row.line, m.Error)
		}
	}
	w.send("\r\n\r\n  {\"jsonrpc\":\"2.0\",\"id\":\"p\",\"method\":\"ping\"}\r")
	w.read("p")
}

func TestServe_RefusesAMessageThatIsTooLong(t *testing.T) {
	w := served(t, newFake())
	long := `{"jsonrpc":"2.0","id":"long","method":"ping","params":{"x":"`
	go func() {
		_, _ = io.WriteString(w.in, long+strings.Repeat("x", 3*MaxMessage)+"\"}}\n")
		_, _ = io.WriteString(w.in, `{"jsonrpc":"2.0","id":"p","method":"ping"}`+"\n")
	}()
	if m := w.read(nil); m.Error.Code != jsonrpc.CodeInvalidRequest || !strings.Contains(m.Error.Message, "longer than 1048576 bytes") {
		t.Errorf("%+v", m)
	}
	w.read("p") // what follows is read
}

func TestReadLine_KeepsWhatFits(t *testing.T) {
	fits := strings.Repeat("x", MaxMessage-1)
	in := bufio.NewReaderSize(strings.NewReader(fits+"\n"+fits+"xx\nshort\n"+fits+"yyyy"), 16<<10)
	for _, want := range []error{nil, errTooLong, nil, errTooLong, io.EOF} {
		text, err := readLine(in)
		if !errors.Is(err, want) || want == nil && len(text) != MaxMessage-1 && string(text) != "short" {
			t.Errorf("%d bytes, %v, want %v", len(text), err, want)
		}
	}
}

func TestServe_EndsWithItsInput(t *testing.T) {
	w := served(t, newFake())
	_ = w.in.Close()
	if err := w.end(); err != nil {
		t.Error(err)
	}
}

// A script that pipes messages into sdev closes the pipe before it has the answers.
func TestServe_AnswersWhatCameBeforeTheEndOfItsInput(t *testing.T) {
	f := newFake()
	f.save, f.hold = liveSave(), make(chan struct{})
	w := served(t, f)
	w.call("1", "wait_until_live", `{"path":"Home.py"}`)
	<-f.waits
	_, _ = io.WriteString(w.in, `{"jsonrpc":"2.0","id":"2","method":"ping"}`) // without an end of the line
	_ = w.in.Close()
	w.read("2")
	close(f.hold)
	if m := w.read("1"); m.Result.IsError {
		t.Errorf("%+v", m)
	}
	if err := w.end(); err != nil {
		t.Error(err)
	}
}

func TestServe_CancelsCallsAMomentAfterItsInputHasEnded(t *testing.T) {
	f := newFake()
	f.hold = make(chan struct{})
	w := served(t, f)
	w.call("1", "wait_until_live", `{"path":"Home.py"}`)
	<-f.waits
	_ = w.in.Close()
	<-f.ended
	if err := w.end(); err != nil {
		t.Error(err)
	}
}

func TestServe_EndsWithItsContextWhateverRuns(t *testing.T) {
	f := newFake()
	f.hold = make(chan struct{})
	w := served(t, f)
	w.call("1", "wait_until_live", `{"path":"Home.py"}`)
	<-f.waits
	w.stop()
	<-f.ended
	if err := w.end(); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestServe_EndsIfNobodyReadsItsAnswers(t *testing.T) {
	broken, client := io.Pipe()
	_ = broken.Close() // so that each write fails
	in, toServer := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		ended <- Serve(context.WithoutCancel(t.Context()), Options{}, newFake().project(), in, client)
	}()
	_, _ = io.WriteString(toServer, `{"jsonrpc":"2.0","id":1,"method":"ping"}`+"\n")
	if err := <-ended; err == nil {
		t.Error("no error")
	}
	_ = toServer.Close()
}

func TestServe_RefusesTooManyCallsAtOnce(t *testing.T) {
	f := newFake()
	f.save, f.hold = liveSave(), make(chan struct{})
	w := served(t, f)
	for i := range MaxCalls {
		w.call(fmt.Sprint(i), "wait_until_live", `{"path":"Home.py"}`)
	}
	for range MaxCalls {
		<-f.waits
	}
	w.call("more", "status", `{}`)
	if m := w.read("more"); m.Error.Code != jsonrpc.CodeInternalError || !strings.Contains(m.Error.Message, "64 calls") {
		t.Errorf("%+v", m)
	}
	close(f.hold)
	answered := map[any]bool{}
	for range MaxCalls {
		if !w.out.Scan() {
			t.Fatal("an answer is missing")
		}
		answered[w.out.Text()] = true
	}
	if len(answered) != MaxCalls {
		t.Errorf("%d answers", len(answered))
	}
	w.call("then", "status", `{}`)
	w.read("then")
}

func TestServe_CancelsACallOfTheClient(t *testing.T) {
	f := newFake()
	f.hold = make(chan struct{})
	w := served(t, f)
	w.call("1", "wait_until_live", `{"path":"Home.py"}`)
	<-f.waits
	w.call("2", "wait_until_live", `{"path":"Other.py"}`)
	<-f.waits
	w.call("3", "status", `{}`) // meanwhile
	w.read("3")
	w.send(`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"1"}}`)
	<-f.ended
	if m := w.read("1"); !m.Result.IsError || !strings.Contains(m.Result.Content[0].Text, "interrupted: the call was cancelled") {
		t.Errorf("%+v", m)
	}
	close(f.hold)
	w.read("2")
}
