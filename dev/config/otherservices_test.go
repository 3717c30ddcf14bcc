package config_test

import (
	"strings"
	"testing"

	"sdev/dev"
	"sdev/dev/config"
	"sdev/dev/devtest"
)

func TestOverlay_GivesTheGatewayWhatIsAboutTheNetwork(t *testing.T) {
	e, app := overlaid(t, `services:
  streamlit:
    image: shop
    hostname: shop
    domainname: example.com
    mac_address: 02:42:ac:11:00:01
    dns: [10.0.0.1]
    dns_opt: [ndots:1]
    dns_search: [example.com]
    extra_hosts: ["far:10.0.0.2"]
    links: ["db:store"]
    external_links: [legacy]
    sysctls: {net.core.somaxconn: 1024, kernel.msgmax: 65536}
    networks:
      back: {aliases: [dashboard], ipv4_address: 10.1.0.5, priority: 3}
  db: {image: postgres, networks: [back]}
networks: {back: {}}
`)
	g := e.Project.Services[config.GatewayService]
	back := g.Networks["back"]
	if g.Hostname != "shop" || g.DomainName != "example.com" || g.MacAddress != "02:42:ac:11:00:01" || g.DNS[0] != "10.0.0.1" || g.DNSOpts[0] != "ndots:1" || g.DNSSearch[0] != "example.com" ||
		len(g.ExtraHosts) != 1 || g.Links[0] != "db:store" || g.ExternalLinks[0] != "legacy" || g.Sysctls["net.core.somaxconn"] != "1024" || len(g.Sysctls) != 1 ||
		back.Ipv4Address != "10.1.0.5" || back.Priority != 3 {
		t.Errorf("gateway %+v, back %+v", g, back)
	}
	if app.Hostname+app.DomainName+app.MacAddress != "" || app.DNS != nil || app.DNSOpts != nil || app.DNSSearch != nil || app.ExtraHosts != nil || app.Links != nil || app.ExternalLinks != nil ||
		app.Networks != nil || len(app.Sysctls) != 1 || app.Sysctls["kernel.msgmax"] != "65536" {
		t.Errorf("app %+v", app)
	}
}

func TestOverlay_NeighboursOfTheAppReachTheGateway(t *testing.T) {
	e, _ := overlaid(t, `services:
  streamlit: {image: shop}
  sidecar: {image: probe, network_mode: "service:streamlit"}
  robot: {image: robot, links: [streamlit, "streamlit:web", "db:store"]}
  db: {image: postgres}
`)
	sidecar, robot := e.Project.Services["sidecar"], e.Project.Services["robot"]
	if _, ok := sidecar.DependsOn[config.GatewayService]; sidecar.NetworkMode != "service:"+config.GatewayService || !ok {
		t.Errorf("network_mode %s, depends on %v", sidecar.NetworkMode, sidecar.DependsOn)
	}
	if got := strings.Join(robot.Links, " "); got != config.GatewayService+":streamlit "+config.GatewayService+":web db:store" {
		t.Errorf("links %s", got)
	}
}

func TestOverlay_EveryBuildGetsTheExtraCA(t *testing.T) {
	e, _ := overlaid(t, `services:
  streamlit: {image: shop}
  db:
    build: {context: .}
  cache:
    build: {context: ., secrets: [ca]}
secrets: {ca: {file: ./own.pem}}
`, func(p *config.Parts) {
		p.Machine.CA = config.CA{File: "/etc/corp.pem", Origin: "SSL_CERT_FILE", PEM: []byte("certificate")}
	})
	db, cache := e.Project.Services["db"].Build, e.Project.Services["cache"].Build
	if len(db.Secrets) != 1 || db.Secrets[0].Source != "sdev-ca" || db.Secrets[0].Target != "ca" || e.Project.Secrets["sdev-ca"].File != "/etc/corp.pem" {
		t.Errorf("secrets %+v", db.Secrets)
	}
	if len(cache.Secrets) != 1 || cache.Secrets[0].Source != "ca" {
		t.Errorf("secrets %+v", cache.Secrets)
	}
}

func TestLoad_WarnsOfFilesThatAreMountedByThemselves(t *testing.T) {
	p, err := load(t, map[string]string{
		"docker-compose.yml": "services:\n  streamlit:\n    image: shop\n    volumes:\n      - ./code:/app\n      - ./settings.toml:/app/settings.toml\n      - /etc/hostname:/etc/host:ro\n      - ./later:/later\n",
		"settings.toml":      "", "code/x.py": "",
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Warnings) != 1 || p.Warnings[0].Code != dev.CodeMountStale || !strings.HasPrefix(p.Warnings[0].Message, "docker-compose.yml:6: service streamlit mounts the single file settings.toml") {
		t.Errorf("%+v", p.Warnings)
	}
}

func TestReadFiles_NamesTheOneThatIsMissing(t *testing.T) {
	const compose = "services:\n  streamlit:\n    image: shop\n    secrets: [token, fixed]\n    configs: [words]\nsecrets:\n  token:\n    file: ./token\n  fixed:\n    environment: HOME\nconfigs:\n  words: {content: hello}\n"
	dir := devtest.Project(t, map[string]string{"docker-compose.yml": compose})
	read := func() (map[string][]byte, error) {
		p, err := config.Load(t.Context(), config.Options{Dir: dir, Env: []string{"HOME=/home/alice"}})
		if err != nil {
			t.Fatal(err)
		}
		given := parts(p)
		given.Shim = nil
		e, err := config.Overlay(p, given)
		if err != nil {
			t.Fatal(err)
		}
		if got := e.Project.Secrets["fixed"].Content; got != "/home/alice" {
			t.Errorf("a secret from the environment is %q", got)
		}
		return e.ReadFiles()
	}
	_, err := read()
	if err == nil {
		t.Fatal("no error")
	}
	if e := dev.AsError(err); !strings.HasPrefix(e.Error(), "docker-compose.yml:7: secrets.token cannot be read: ") || e.Exit != dev.ExitProject {
		t.Errorf("%v", e)
	}
	devtest.Write(t, dir+"/token", "1234")
	files, err := read()
	if err != nil || len(files) != 1 || string(files[dir+"/token"]) != "1234" {
		t.Errorf("%v, %v", files, err)
	}
}
