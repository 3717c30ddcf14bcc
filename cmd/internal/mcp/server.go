package mcp

import (
	"context"
	"fmt"
	"io"
	"slices"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"sdev/dev"
)

// Options are the settings of a server.
type Options struct {
	Version string   // of sdev
	Allow   []string // the tools of [Changing] that the client may call
}

// Changing returns the names of the tools that change something.
func Changing() []string { return []string{restartTool, signInTool} }

const instructions = `sdev runs the Streamlit app of this project and sees every save reach the browser.
After you have edited a file, call wait_until_live with its path: it waits until the open tabs show the save, or returns the exception with file, line and source.
If the app raised, fix that line, save, and call wait_until_live again.
Call logs for what the app printed, reruns for slow pages, and status for the page's address and what runs.
Tools that change the running app (restart, sign_in_as) exist only if the user started "sdev mcp" with --allow.`

// Serve speaks with a client until it leaves, and then returns nil. If ctx ends, it cancels the calls and returns ctx's error.
func Serve(ctx context.Context, o Options, p Project, in io.Reader, out io.Writer) error {
	c := newConnection(in, out)
	// The connection ends by Close and not by ctx: a context that has ended would let no call say so.
	s, err := newServer(o, p).Connect(context.WithoutCancel(ctx), c, nil)
	if err != nil {
		return fmt.Errorf("serve the protocol: %w", err)
	}
	stop := context.AfterFunc(ctx, c.end)
	defer stop()
	err = s.Wait()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

func newServer(o Options, p Project) *sdk.Server {
	s := sdk.NewServer(&sdk.Implementation{Name: "sdev", Title: "sdev", Version: o.Version}, &sdk.ServerOptions{
		Instructions: instructions,
		Capabilities: &sdk.ServerCapabilities{Tools: &sdk.ToolCapabilities{}}, // the list never changes
	})
	addStatus(s, p)
	addWait(s, p)
	addLogs(s, p)
	addReruns(s, p)
	addPeople(s, p)
	addPreflight(s, p)
	if slices.Contains(o.Allow, restartTool) {
		addRestart(s, p)
	}
	if slices.Contains(o.Allow, signInTool) {
		addSignIn(s, p)
	}
	return s
}

// reading is the description of a tool that changes nothing.
func reading(name, title, about string) *sdk.Tool {
	return &sdk.Tool{Name: name, Description: about, Annotations: &sdk.ToolAnnotations{Title: title, ReadOnlyHint: true, IdempotentHint: true, OpenWorldHint: new(false)}}
}

// changing is the description of a tool that changes something.
func changing(name, title, about string, destructive, idempotent bool) *sdk.Tool {
	return &sdk.Tool{Name: name, Description: about, Annotations: &sdk.ToolAnnotations{Title: title, DestructiveHint: new(destructive), IdempotentHint: idempotent, OpenWorldHint: new(false)}}
}

// answer is the result of a tool. It is written as JSON, and as text for clients that show no JSON.
type answer interface {
	text() string
	// shorten leaves out a part of the longest list, and says so. It returns false if there is nothing to leave out.
	shorten() bool
}

// add adds a tool. work answers a call.
func add[In, Out any, P interface {
	*Out
	answer
}](s *sdk.Server, p Project, t *sdk.Tool, work func(context.Context, In) (Out, error)) {
	sdk.AddTool(s, t, func(ctx context.Context, _ *sdk.CallToolRequest, in In) (_ *sdk.CallToolResult, out Out, err error) {
		defer func() {
			if bug := recover(); bug != nil { // of one tool; the others still work
				err = failure(&dev.Error{Code: dev.CodeInternal, Message: fmt.Sprint("a bug in sdev: ", bug), Hint: "please report it"}, nil)
			}
		}()
		out, err = work(ctx, in)
		if err != nil && ctx.Err() != nil {
			err = &dev.Error{Code: dev.CodeInterrupted, Message: "the call was cancelled", Cause: err}
		}
		secrets := p.Secrets(ctx)
		if err != nil {
			return nil, out, failure(err, secrets)
		}
		out = dev.ReplaceTexts(out, func(s string) string { return clean(s, secrets) })
		result, err := fit[Out, P](&out)
		return result, out, err
	})
}

// failure is an error as a client sees it: with sdev's code, message and hint.
func failure(err error, secrets []string) error {
	e := dev.AsError(err)
	text := fmt.Sprintf("%s: %s", e.Code, e.Error())
	if e.Hint != "" {
		text += "\nhint: " + e.Hint
	}
	return toolError(clean(text, secrets))
}

// toolError is the text of an error for a client.
type toolError string

func (e toolError) Error() string { return string(e) }
