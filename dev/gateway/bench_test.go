package gateway

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"sdev/dev"
	"sdev/dev/devtest"
)

// benchConfig is the environment variable that makes this test binary a gateway. It runs in a process of its own, so
// that its memory can be measured without that of the clients and the app.
const benchConfig = "SDEV_BENCH_GATEWAY"

func TestMain(m *testing.M) {
	text := os.Getenv(benchConfig)
	if text == "" {
		m.Run()
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	var cfg Config
	if err := json.Unmarshal([]byte(text), &cfg); err != nil {
		panic(err)
	}
	if err := Run(ctx, cfg, os.Stdout); err != nil {
		panic(err)
	}
}

// benchApp answers pages at once and echoes messages.
func benchApp(b *testing.B) (addr string) {
	b.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	mux := http.NewServeMux()
	page := bytes.Repeat([]byte("x"), 2000)
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(page) })
	mux.HandleFunc("/_stcore/stream", func(w http.ResponseWriter, r *http.Request) {
		c, err := websocket.Accept(w, r, &websocket.AcceptOptions{InsecureSkipVerify: true, Subprotocols: []string{"streamlit"}})
		if err != nil {
			return
		}
		c.SetReadLimit(-1)
		for {
			kind, msg, err := c.Read(context.Background())
			if err != nil || c.Write(context.Background(), kind, msg) != nil {
				return
			}
		}
	})
	s := &http.Server{Handler: mux}
	go func() { _ = s.Serve(l) }()
	b.Cleanup(func() { s.Close() })
	return l.Addr().String()
}

// benchGateway starts a gateway in front of upstream, in a process of its own.
func benchGateway(b *testing.B, upstream string, changes ...func(*Config)) (addr string, pid int) {
	b.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	addr = l.Addr().String()
	l.Close()
	dir, err := os.MkdirTemp("", "gateway")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { os.RemoveAll(dir) })
	cfg := Config{Listen: addr, Upstream: upstream, Host: "localhost", Control: filepath.Join(dir, "s"), Root: dir,
		Rules: []dev.Rule{{Path: ".", Action: dev.Live, Origin: "source"}}}
	_, port, _ := strings.Cut(addr, ":")
	if _, err := fmt.Sscan(port, &cfg.Port); err != nil {
		b.Fatal(err)
	}
	for _, change := range changes {
		change(&cfg)
	}
	text, err := json.Marshal(cfg)
	if err != nil {
		b.Fatal(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), benchConfig+"="+string(text))
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		if err := cmd.Wait(); err != nil {
			b.Errorf("the gateway ended with %v", err)
		}
	})
	limit := time.After(devtest.Patience)
	for {
		if st, err := Call(b.Context(), cfg.Control, Request{Do: DoStatus}); err == nil && st.Up {
			return addr, cmd.Process.Pid
		}
		select {
		case <-limit:
			b.Fatal("the gateway does not come up")
		case <-time.After(time.Millisecond):
		}
	}
}

func benchDial(b *testing.B, addr string) *websocket.Conn {
	b.Helper()
	c, _, err := websocket.Dial(b.Context(), "ws://"+addr+"/_stcore/stream", &websocket.DialOptions{Subprotocols: []string{"streamlit", "token"}})
	if err != nil {
		b.Fatal(err)
	}
	c.SetReadLimit(-1)
	b.Cleanup(func() { c.CloseNow() })
	return c
}

// inTurns measures two ways of doing the same thing alternately, so that other load on the machine affects both. It
// reports medians, 99th percentiles, and the difference.
func inTurns(b *testing.B, direct, through func()) {
	b.Helper()
	for range 200 {
		direct()
		through()
	}
	var times [2][]time.Duration
	for b.Loop() {
		for i, do := range []func(){direct, through} {
			began := time.Now()
			do()
			times[i] = append(times[i], time.Since(began))
		}
	}
	for i := range times {
		slices.Sort(times[i])
	}
	at := func(i int, q float64) float64 {
		return float64(times[i][int(q*float64(len(times[i])-1))].Nanoseconds()) / 1000
	}
	b.ReportMetric(at(0, .5), "direct-p50-µs")
	b.ReportMetric(at(1, .5)-at(0, .5), "added-p50-µs")
	b.ReportMetric(at(1, .99)-at(0, .99), "added-p99-µs")
}

func BenchmarkRequest(b *testing.B) {
	app := benchApp(b)
	front, _ := benchGateway(b, app)
	get := func(addr string) func() {
		client := &http.Client{Transport: &http.Transport{}}
		return func() {
			resp, err := client.Get("http://" + addr + "/")
			if err != nil {
				b.Fatal(err)
			}
			_, _ = io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
		}
	}
	inTurns(b, get(app), get(front))
}

// BenchmarkDoor compares a gateway with a load balancer in front of the app, for somebody who has signed in, with one in
// local mode.
func BenchmarkDoor(b *testing.B) {
	app := benchApp(b)
	plain, _ := benchGateway(b, app)
	_, provider, _ := strings.Cut(unusedAddress(b), ":")
	d := &doorRig{rig: &rig{t: b}}
	var pid int
	d.addr, pid = benchGateway(b, app, func(c *Config) {
		d.control, d.origin = c.Control, fmt.Sprintf("http://localhost:%d", c.Port)
		if _, err := fmt.Sscan(provider, &c.ProviderPort); err != nil {
			b.Fatal(err)
		}
	})
	d.login = albLogin("http://localhost:"+provider, d.origin, projectAuthority(b))
	idle := residentKB(b, pid)
	d.call(Request{Do: DoLogin, Login: &d.login})
	cookies := d.cookieLine(d.signIn("dora@example.com"))
	get := func(addr string) func() {
		client := &http.Client{Transport: &http.Transport{}}
		return func() {
			q, err := http.NewRequestWithContext(b.Context(), http.MethodGet, "http://"+addr+"/", nil)
			if err != nil {
				b.Fatal(err)
			}
			q.Host = strings.TrimPrefix(d.origin, "http://")
			if addr == plain {
				q.Host = "localhost:" + plain[strings.LastIndexByte(plain, ':')+1:]
			}
			q.Header.Set("Cookie", cookies)
			resp, err := client.Do(q)
			if err != nil || resp.StatusCode != http.StatusOK {
				b.Fatal(resp, err)
			}
			_, _ = io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
		}
	}
	inTurns(b, get(plain), get(d.addr))
	b.ReportMetric(idle/1024, "idle-MiB")
	b.ReportMetric(residentKB(b, pid)/1024, "door-MiB")
}

func BenchmarkMessage(b *testing.B) {
	for _, size := range []int{100, 10_000, 1_000_000} {
		b.Run(fmt.Sprintf("%dB", size), func(b *testing.B) {
			app := benchApp(b)
			front, _ := benchGateway(b, app)
			// Data for the page: a delta that holds a table.
			msg := append([]byte{0x2a, 0x84, 0x80, 0x80, 0x10, 0x1a, 0x84, 0x80, 0x80, 0x08, 0x22}, bytes.Repeat([]byte("d"), size)...)
			echo := func(c *websocket.Conn) func() {
				return func() {
					if err := c.Write(b.Context(), websocket.MessageBinary, msg); err != nil {
						b.Fatal(err)
					}
					if _, _, err := c.Read(b.Context()); err != nil {
						b.Fatal(err)
					}
				}
			}
			inTurns(b, echo(benchDial(b, app)), echo(benchDial(b, front)))
		})
	}
}

func BenchmarkMemory(b *testing.B) {
	const tabs = 500
	app := benchApp(b)
	front, pid := benchGateway(b, app)
	idle := residentKB(b, pid)
	msg := bytes.Repeat([]byte("d"), 100_000)
	for range tabs {
		c := benchDial(b, front)
		// Every tab has had a page.
		if err := c.Write(b.Context(), websocket.MessageBinary, msg); err != nil {
			b.Fatal(err)
		}
		if _, _, err := c.Read(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
	full := residentKB(b, pid)
	for b.Loop() { // nothing is timed
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(idle/1024, "idle-MiB")
	b.ReportMetric(full/1024, "500-tabs-MiB")
	b.ReportMetric((full-idle)/tabs, "KiB/tab")
}

// residentKB is the resident memory of a process in KiB, by the kernel.
func residentKB(b *testing.B, pid int) (kb float64) {
	b.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		b.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "VmRSS:")
	if _, err := fmt.Sscan(rest, &kb); err != nil {
		b.Fatal(err)
	}
	return kb
}
