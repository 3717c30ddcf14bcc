package config_test

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sdev/dev"
	"sdev/dev/config"
)

func onHost(p *config.Parts) {
	p.OnHost = &config.OnHost{Control: "/run/user/1000/control.sock", Socket: "/run/user/1000/app.sock"}
}

// Processes share this machine's network and files, so nothing may be left that only a container has.
func TestOverlay_OnHostUsesPathsAndPortsOfThisMachine(t *testing.T) {
	e, app := overlaid(t, `
services:
  app:
    build: .
    working_dir: /app
    command: streamlit run Home.py --server.port 8080
    user: "5:5"
    ports: ["8501:8080"]
    volumes: [".:/app"]
    depends_on: [db]
  db: {image: postgres, ports: ["5432:5432"]}
`, onHost)
	if names := e.Project.ServiceNames(); !slices.Equal(names, []string{"app", config.GatewayService}) || !slices.Equal(e.NotStarted, []string{"db"}) {
		t.Errorf("services %v, not started %v", names, e.NotStarted)
	}
	c := e.GatewayConfig
	dir := filepath.Dir(filepath.Dir(c.State)) // the state is below .sdev
	if c.Listen != "127.0.0.1:8600" || c.Upstream != "127.0.0.1:18600" || c.Parameters != "127.0.0.1:38600" || c.Root != dir || c.Control != "/run/user/1000/control.sock" || c.Socket != "/run/user/1000/app.sock" {
		t.Errorf("%+v", c)
	}
	if !slices.Equal(c.Mounts, []dev.Mount{{Container: filepath.ToSlash(dir), Project: "."}}) {
		t.Errorf("mounts %v", c.Mounts)
	}
	gateway := e.Project.Services[config.GatewayService]
	if told := value(gateway, dev.GatewayConfigEnv); !strings.Contains(told, `"listen":"127.0.0.1:8600"`) || strings.Contains(told, dev.GatewayProjectDir) {
		t.Errorf("the gateway is told %s", told)
	}
	if app.User != "" || value(app, "HOME") != "(unset)" || value(app, "STREAMLIT_SERVER_PORT") != "18600" || value(app, "SDEV_PORT") != "18600" || value(app, "SDEV_SOCKET") != c.Socket {
		t.Errorf("user %q, environment %v", app.User, app.Environment)
	}
	if app.Labels[dev.LabelSocket] != c.Socket || gateway.Labels[dev.LabelSocket] != c.Control {
		t.Errorf("labels %v and %v", app.Labels, gateway.Labels)
	}
	if len(app.DependsOn) > 0 || app.NetworkMode != "" {
		t.Errorf("the app waits for %v, in the network of %q", app.DependsOn, app.NetworkMode)
	}
}

func TestOverlay_OnHostDerivesAllowedPorts(t *testing.T) {
	for _, page := range []int{1024, 8501, 35536, 55536, 65535} {
		e, _ := overlaid(t, composeFile, onHost, func(p *config.Parts) { p.Port = page })
		seen := map[string]bool{}
		for _, address := range []string{e.GatewayConfig.Listen, e.GatewayConfig.Upstream, e.GatewayConfig.Parameters} {
			_, port, _ := strings.Cut(address, ":")
			if seen[port] || len(port) < 4 || len(port) == 5 && port > "65535" || len(port) == 4 && port < "1024" {
				t.Errorf("page %d: %+v", page, e.GatewayConfig)
			}
			seen[port] = true
		}
	}
}

// An app with a login may ask the gateway for its settings before it serves a page.
func TestOverlay_OnHostTheAppWaitsForAGatewayThatItAsks(t *testing.T) {
	_, app := overlaid(t, composeFile, onHost, func(p *config.Parts) { p.Mode = dev.Native })
	if _, ok := app.DependsOn[config.GatewayService]; !ok || app.NetworkMode != "" {
		t.Errorf("the app waits for %v, in the network of %q", app.DependsOn, app.NetworkMode)
	}
}
