package streamlit

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/coder/websocket"
)

// PageLoad is what a browser gets from a server on its first visit.
type PageLoad struct {
	// Page says that the server served the page's HTML. Otherwise Status and Kind are the answer: 404,
	// "text/plain".
	Page   bool
	Status int
	Kind   string
	// Ran says that the script ran to its end, even if it raised an exception.
	Ran        bool
	Exceptions []Exception // on the page, in order, without warnings
}

// maxMessage limits a message to the browser, in bytes: a page may show a large table.
const maxMessage = 256 << 20

// LoadPage visits the app's first page as a browser does: it gets the HTML, opens the WebSocket, and runs the script
// once. origin is "http://HOST:PORT", base the path below which the app serves, with a
// slash in front ("" is the root).
//
// An error says how far it got; the result holds what it has received until then. It ends with ctx.
func LoadPage(ctx context.Context, origin, base string) (PageLoad, error) {
	var v PageLoad
	if err := v.get(ctx, origin+base+"/"); err != nil || !v.Page {
		return v, err
	}
	conn, err := openStream(ctx, "ws"+strings.TrimPrefix(origin, "http")+base)
	if err != nil {
		return v, fmt.Errorf("open the WebSocket: %w", err)
	}
	defer conn.CloseNow() //nolint:errcheck // the visit is over
	conn.SetReadLimit(maxMessage)
	if err := conn.Write(ctx, websocket.MessageBinary, RerunMain()); err != nil {
		return v, fmt.Errorf("request a run: %w", err)
	}
	return v, v.follow(ctx, conn)
}

// openStream opens the WebSocket at the first of its paths where the server has one. The error is that of the newer
// path.
func openStream(ctx context.Context, base string) (*websocket.Conn, error) {
	var first error
	for _, path := range streamPaths() {
		conn, answer, err := websocket.Dial(ctx, base+path, &websocket.DialOptions{Subprotocols: []string{"streamlit"}}) //nolint:bodyclose // the library does
		if err == nil {
			return conn, nil
		}
		refused := answer != nil && answer.StatusCode != http.StatusSwitchingProtocols
		if refused {
			err = fmt.Errorf("the server answered %s", answer.Status)
		}
		if first = cmp.Or(first, err); !refused {
			break
		}
	}
	return nil, first
}

// get requests the page.
func (v *PageLoad) get(ctx context.Context, address string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}} // no proxy: it is on this machine
	response, err := client.Do(request)
	if err != nil {
		return fmt.Errorf("get the page: %w", err)
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		return fmt.Errorf("get the page: %w", err)
	}
	v.Status = response.StatusCode
	v.Kind, _, _ = strings.Cut(response.Header.Get("Content-Type"), ";")
	v.Page = v.Status == http.StatusOK && v.Kind == "text/html"
	return nil
}

// follow reads messages until the requested run has ended.
func (v *PageLoad) follow(ctx context.Context, conn *websocket.Conn) error {
	broken := false // the script does not compile, and what is wrong with it is still to come
	for {
		_, message, err := conn.Read(ctx)
		if err != nil {
			return fmt.Errorf("read from the WebSocket: %w", err)
		}
		if PeekForward(message) != Keep {
			continue
		}
		f, err := ParseForward(message)
		if err != nil {
			return err
		}
		switch {
		case f.Kind == NewSession:
			v.Exceptions, broken = nil, false // this run replaces the one before
		case f.Kind == ShownException || f.Kind == CompileException:
			v.raised(f.Exception)
		case f.Kind == Finished && f.Outcome == NotCompiled:
			broken = true
		case f.Kind == Finished && f.Outcome == Succeeded:
			v.Ran = true
			return nil
		}
		if broken && len(v.Exceptions) > 0 {
			return nil
		}
	}
}

// raised records an exception once: a page may show the same one in many places.
func (v *PageLoad) raised(e Exception) {
	same := func(o Exception) bool { return e.Type == o.Type && e.Message == o.Message }
	if !e.Warning && !slices.ContainsFunc(v.Exceptions, same) {
		v.Exceptions = append(v.Exceptions, e)
	}
}
