package cli

import (
	"strings"
	"testing"

	"sdev/cmd/internal/console"
	"sdev/dev"
	"sdev/dev/session"
)

func TestStatusText_BreaksLinesBetweenWordsOnATerminal(t *testing.T) {
	s := session.Status{Project: "shop", Dir: "/home/ada/shop", URL: "http://localhost:8504", Mode: dev.Local, Services: []session.ServiceStatus{
		{Name: "sdev-gateway", State: "running", Ports: []string{"127.0.0.1:8504->8501/tcp", "127.0.0.1:8604->8604/tcp"}},
	}}
	const row = "service   sdev-gateway running  127.0.0.1:8504→8501/tcp"
	a := &commands{&console.Console{Streams: console.Streams{OutTTY: true, Width: 76}}}
	if text := a.statusText(s); !strings.Contains(text.String(), row+"\n          127.0.0.1:8604→8604/tcp\n") {
		t.Error(text)
	}
	a.OutTTY = false
	if text := a.statusText(s); !strings.Contains(text.String(), row+" 127.0.0.1:8604→8604/tcp\n") {
		t.Error(text)
	}
}
