package program_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"strconv"
	"strings"
	"testing"

	"sdev/dev"
	"sdev/dev/gateway/program"
	"sdev/dev/tunnel"
)

func TestRun_RefusesWhatItDoesNotKnow(t *testing.T) {
	for name, c := range map[string]struct {
		args  []string
		input string
		want  string
	}{
		"no configuration":           {nil, "", dev.GatewayConfigEnv},
		"an unknown command":         {[]string{"fly"}, "", "fly"},
		"a tunnel to nowhere":        {[]string{dev.GatewayTunnel}, "", "tunnel"},
		"a call with more words":     {[]string{dev.GatewayCall, "now"}, "{}", "call"},
		"a call that is no request":  {[]string{dev.GatewayCall}, "hello", "not a request"},
		"a tunnel without a gateway": {[]string{dev.GatewayTunnel, dev.TunnelToApp}, "", dev.GatewayConfigEnv},
	} {
		err := program.Run(t.Context(), program.Streams{In: strings.NewReader(c.input), Out: io.Discard, Getenv: func(string) string { return "" }}, c.args)
		e, ok := errors.AsType[*dev.Error](err)
		if !ok || e.Exit != dev.ExitUsage || e.Hint == "" || !strings.Contains(e.Message, c.want) {
			t.Errorf("%s: %+v", name, err)
		}
	}
}

func TestRun_Receives(t *testing.T) {
	var out bytes.Buffer
	err := program.Run(t.Context(), program.Streams{In: strings.NewReader("no copies\n"), Out: &out}, []string{dev.GatewayReceive})
	if e, ok := errors.AsType[*dev.Error](err); err == nil || ok && e.Exit == dev.ExitUsage {
		t.Errorf("%v; the answer is %q", err, out.String())
	}
}

// Each target of a tunnel leads to its own address.
func TestRun_TunnelsToEachTarget(t *testing.T) {
	answers := func(text string) (address string) {
		var lc net.ListenConfig
		l, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				_, _ = io.WriteString(c, text)
				c.Close()
			}
		}()
		return l.Addr().String()
	}
	port := func(address string) string { _, p, _ := net.SplitHostPort(address); return p }
	app, provider, other := answers("app"), answers("provider"), answers("other")
	number, err := strconv.Atoi(port(provider))
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := json.Marshal(dev.GatewayConfig{Listen: ":" + port(app), ProviderPort: number})
	if err != nil {
		t.Fatal(err)
	}
	for to, want := range map[string]string{dev.TunnelToApp: "app", dev.TunnelToProvider: "provider", port(other): "other"} {
		near, far := net.Pipe()
		done := make(chan error, 1)
		go func() {
			done <- program.Run(t.Context(), program.Streams{In: far, Out: far, Getenv: func(string) string { return string(cfg) }}, []string{dev.GatewayTunnel, to})
		}()
		if got := throughTunnel(t, near); got != want {
			t.Errorf("a tunnel to %s answers %q, want %q", to, got, want)
		}
		near.Close()
		far.Close()
		if err := <-done; err != nil {
			t.Errorf("a tunnel to %s ends with %v", to, err)
		}
	}
}

// throughTunnel returns what a connection through the other end of a tunnel answers.
func throughTunnel(t *testing.T, transport io.ReadWriteCloser) string {
	t.Helper()
	var lc net.ListenConfig
	l, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- tunnel.Forward(ctx, l, func(context.Context) (io.ReadWriteCloser, error) { return transport, nil })
	}()
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(conn)
	conn.Close()
	stop()
	if err := errors.Join(err, <-ended); err != nil {
		t.Fatal(err)
	}
	return string(b)
}
