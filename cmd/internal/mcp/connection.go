package mcp

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"sdev/dev"
)

// Limits of what a client sends.
const (
	MaxMessage = 1 << 20 // bytes of a message
	MaxCalls   = 64      // calls at the same time
)

// lastAnswers is how long a client that has closed its end still gets the answers to its calls: a script that pipes messages
// into sdev does not wait before it closes. Calls that take longer are cancelled.
const lastAnswers = 2 * time.Second

// connection is one client, with a message on each line. The SDK's own connection ends with the first line that is no message,
// and with the end of the input even while calls are being answered.
type connection struct {
	in       io.Reader
	out      io.Writer
	incoming chan line
	ended    chan struct{}
	end      func() // closes ended; may be called again
	answered chan struct{}

	mu    sync.Mutex // guards calls, and keeps written lines whole
	calls int        // that have no answer yet
}

// line is a line of the client, or why there is none.
type line struct {
	text []byte
	err  error
}

var errTooLong = errors.New("the message is too long")

func newConnection(in io.Reader, out io.Writer) *connection {
	c := &connection{in: in, out: out, incoming: make(chan line), ended: make(chan struct{}), answered: make(chan struct{}, 1)}
	c.end = sync.OnceFunc(func() { close(c.ended) })
	return c
}

// Connect implements sdk.Transport.
func (c *connection) Connect(context.Context) (sdk.Connection, error) {
	go c.readLines()
	return c, nil
}

// readLines reads until the end of the input.
func (c *connection) readLines() {
	in := bufio.NewReaderSize(c.in, 64<<10)
	for {
		text, err := readLine(in)
		if len(text) > 0 || err != nil {
			select {
			case c.incoming <- line{text, err}:
			case <-c.ended:
				return
			}
		}
		if err != nil && !errors.Is(err, errTooLong) {
			return
		}
	}
}

// readLine reads a line without the spaces around it. Of a line that is too long it keeps nothing. The last line may have no end.
func readLine(in *bufio.Reader) ([]byte, error) {
	var text []byte
	long := false
	for {
		part, err := in.ReadSlice('\n')
		if long = long || len(text)+len(part) > MaxMessage; long {
			text = nil
		} else {
			text = append(text, part...)
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case long && (err == nil || errors.Is(err, io.EOF)):
			return nil, errTooLong
		case errors.Is(err, io.EOF) && len(text) > 0:
			err = nil // the next read says it again
		}
		return bytes.TrimSpace(text), err
	}
}

// Read implements sdk.Connection: it returns the next message. It answers lines that are none.
func (c *connection) Read(ctx context.Context) (jsonrpc.Message, error) {
	for {
		var l line
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-c.ended:
			return nil, io.EOF
		case l = <-c.incoming:
		}
		switch {
		case errors.Is(l.err, errTooLong):
			if err := c.refuse(nil, jsonrpc.CodeInvalidRequest, fmt.Sprintf("the message is longer than %d bytes, so sdev has not read it", MaxMessage)); err != nil {
				return nil, err
			}
			continue
		case l.err != nil:
			c.awaitAnswers()
			return nil, l.err
		}
		msg, code, problem := decode(l.text)
		if problem == "" && !c.begin(msg) {
			code, problem = jsonrpc.CodeInternalError, fmt.Sprintf("sdev already answers %d calls: wait for one of them, or cancel it", MaxCalls)
		}
		if problem == "" {
			return msg, nil
		}
		if err := c.refuse(idOf(l.text), code, problem); err != nil {
			return nil, err
		}
	}
}

// decode decodes a line; problem says why it is no message.
func decode(text []byte) (msg jsonrpc.Message, code int64, problem string) {
	if !json.Valid(text) {
		return nil, jsonrpc.CodeParseError, "this line is not valid JSON; send each message on one line"
	}
	if text[0] == '[' {
		return nil, jsonrpc.CodeInvalidRequest, "sdev takes no batches; send each message on a line of its own"
	}
	msg, err := jsonrpc.DecodeMessage(text)
	if err != nil {
		return nil, jsonrpc.CodeInvalidRequest, "this line is no message of JSON-RPC 2.0: " + err.Error()
	}
	return msg, 0, ""
}

// idOf returns the id in a line that is refused, so that the client knows which call it was; nil without one.
func idOf(text []byte) any {
	var named struct {
		ID any `json:"id"`
	}
	if json.Unmarshal(text, &named) != nil {
		return nil
	}
	switch named.ID.(type) {
	case string, float64:
		return named.ID
	}
	return nil
}

// refuse answers a line that is no message. The SDK would leave out an id of null, which JSON-RPC wants.
func (c *connection) refuse(id any, code int64, message string) error {
	type failure struct {
		Code    int64  `json:"code"`
		Message string `json:"message"`
	}
	text, err := json.Marshal(struct {
		Version string  `json:"jsonrpc"`
		ID      any     `json:"id"`
		Error   failure `json:"error"`
	}{"2.0", id, failure{code, message}})
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.writeLine(text)
}

// begin counts a call. It returns false if there are too many.
func (c *connection) begin(msg jsonrpc.Message) bool {
	req, ok := msg.(*jsonrpc.Request)
	if !ok || !req.IsCall() {
		return true
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.calls >= MaxCalls {
		return false
	}
	c.calls++
	return true
}

// awaitAnswers waits for the answers to the calls so far, for a limited time.
func (c *connection) awaitAnswers() {
	late := time.NewTimer(lastAnswers)
	defer late.Stop()
	for {
		c.mu.Lock()
		open := c.calls
		c.mu.Unlock()
		if open == 0 {
			return
		}
		select {
		case <-c.answered:
		case <-late.C:
			return
		case <-c.ended:
			return
		}
	}
}

// Write implements sdk.Connection.
func (c *connection) Write(ctx context.Context, msg jsonrpc.Message) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	text, err := jsonrpc.EncodeMessage(msg)
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := msg.(*jsonrpc.Response); ok {
		c.calls--
		select {
		case c.answered <- struct{}{}:
		default: // it is told already
		}
	}
	return c.writeLine(text)
}

// writeLine writes a line. The caller holds mu.
func (c *connection) writeLine(text []byte) error {
	_, err := c.out.Write(append(dev.EscapeJSON(text), '\n'))
	return err
}

// Close implements sdk.Connection.
func (c *connection) Close() error {
	c.end()
	return nil
}

// SessionID implements sdk.Connection: a stream has one session, without a name.
func (c *connection) SessionID() string { return "" }
