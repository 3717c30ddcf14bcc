package config_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sdev/dev/config"
)

// naming is a project in which services name this machine in several ways.
const naming = `services:
  streamlit:
    image: shop
  quiet: {image: shop}
  variable: {image: shop, environment: {DB: "postgresql://me@host.docker.internal:5432/shop"}}
  command: {image: shop, command: [proxy, --to, "http://host.docker.internal:8080"]}
  given: {image: shop, command: [host.docker.internal], extra_hosts: ["host.docker.internal:10.0.0.1"]}
  beside: {image: shop, command: [host.docker.internal], network_mode: "service:command"}
`

func TestOverlay_ContainersKnowThisMachine(t *testing.T) {
	needed := func(p *config.Parts) { p.HostGateway = true }
	hosts := func(compose string, change ...func(*config.Parts)) string {
		e, _ := overlaid(t, compose, change...)
		var list []string
		for name, s := range e.Project.Services {
			for _, host := range s.ExtraHosts.AsList(":") {
				list = append(list, name+" "+host)
			}
		}
		slices.Sort(list)
		return strings.Join(list, "\n")
	}
	gateway := "command host.docker.internal:host-gateway\ngiven host.docker.internal:10.0.0.1\nsdev-gateway host.docker.internal:host-gateway\nvariable host.docker.internal:host-gateway"
	for name, c := range map[string]struct {
		compose, want string
		change        []func(*config.Parts)
	}{
		"the engine needs it":        {naming, gateway, []func(*config.Parts){needed}},
		"the engine knows it":        {naming, "given host.docker.internal:10.0.0.1", nil},
		"the app has one":            {"services:\n  streamlit: {image: shop, extra_hosts: {host.docker.internal: 10.0.0.2, db: 10.0.0.3}}\n", "sdev-gateway db:10.0.0.3\nsdev-gateway host.docker.internal:10.0.0.2", []func(*config.Parts){needed}},
		"the app has another":        {"services:\n  streamlit: {image: shop, extra_hosts: {db: 10.0.0.3}}\n", "sdev-gateway db:10.0.0.3\nsdev-gateway host.docker.internal:host-gateway", []func(*config.Parts){needed}},
		"an alias of a fake service": {"services:\n  streamlit: {image: shop}\n  fake: {image: shop, networks: {default: {aliases: [host.docker.internal]}}}\n", "", []func(*config.Parts){needed}},
		"the name of a container":    {"services:\n  streamlit: {image: shop}\n  fake: {image: shop, container_name: host.docker.internal}\n", "", []func(*config.Parts){needed}},
		"a link":                     {"services:\n  streamlit: {image: shop, links: [\"fake:host.docker.internal\"]}\n  fake: {image: shop}\n", "", []func(*config.Parts){needed}},
	} {
		if diff := cmp.Diff(c.want, hosts(c.compose, c.change...)); diff != "" {
			t.Errorf("%s: -want +got:\n%s", name, diff)
		}
	}
	e, _ := overlaid(t, naming, needed)
	text, err := e.YAML()
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(text), "# sdev: host.docker.internal is this machine, as in Docker Desktop"); n != 3 {
		t.Errorf("%d of 3 services say why:\n%s", n, text)
	}
}

func TestProject_NamesHostGatewaysThatLeadToTheVirtualMachine(t *testing.T) {
	p := loaded(t, `services:
  streamlit:
    image: shop
    extra_hosts:
      - db:10.0.0.3
      - "host.docker.internal:host-gateway"
  worker:
    image: shop
    extra_hosts:
      laptop: host-gateway
`)
	var got []string
	for _, w := range p.HostGatewayWarnings() {
		got = append(got, w.Message+" | "+w.Hint)
	}
	want := []string{
		"docker-compose.yml:6: host.docker.internal of streamlit leads to the virtual machine of Rancher Desktop, and not to this machine | remove the line: the engine knows the name, and sdev adds it where an engine does not",
		"docker-compose.yml:10: laptop of worker leads to the virtual machine of Rancher Desktop, and not to this machine | use the name host.docker.internal, which the engine knows",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
