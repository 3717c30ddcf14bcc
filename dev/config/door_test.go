package config_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/types"

	"sdev/dev"
	"sdev/dev/config"
	"sdev/dev/devtest"
)

const (
	keyHost  = "public-keys.auth.elb.us-east-1.amazonaws.com"
	poolHost = "cognito-idp.us-east-1.amazonaws.com"
)

// behindALB makes the parts those of a run behind a load balancer.
func behindALB(p *config.Parts) {
	a := dev.NewALB("shop", "").WithProvider("shop", "http://localhost:8601")
	p.Mode = dev.ALBLogin
	p.Login = config.LoginParts{Door: &dev.FrontDoor{Client: dev.Client{ID: "the-client"}, ALB: &a}, Trust: p.StateDir + "/auth/trust.pem"}
}

func TestOverlay_BehindALoadBalancer(t *testing.T) {
	p := loaded(t, composeFile)
	given := parts(p)
	behindALB(&given)
	e, err := config.Overlay(p, given)
	if err != nil {
		t.Fatal(err)
	}
	yaml, err := e.YAML()
	if err != nil {
		t.Fatal(err)
	}
	devtest.Golden(t, "effective-alb.yml", strings.ReplaceAll(string(yaml), p.Dir, "/work/shop"))
	g, app := e.Project.Services[config.GatewayService], e.Project.Services[e.App]
	for _, host := range []string{keyHost, poolHost} {
		if !slices.Equal(g.ExtraHosts[host], []string{"127.0.0.1"}) {
			t.Errorf("%s leads to %v", host, g.ExtraHosts[host])
		}
	}
	if e.GatewayConfig.Keys != "127.0.0.1:443" || len(app.ExtraHosts) != 0 {
		t.Errorf("keys at %q, the app's own hosts %v", e.GatewayConfig.Keys, app.ExtraHosts)
	}
	a := given.Login.Door.ALB
	for name, want := range map[string]string{
		"ALB_ARN": a.ARN, "ALB_REGION": "us-east-1", "ALB_CLIENT_ID": "the-client", "ALB_ISSUER": a.Issuer, "COGNITO_USER_POOL_ID": a.Pool, "COGNITO_CLIENT_ID": "the-client",
		"SSL_CERT_FILE": "/opt/sdev/trust.pem", "REQUESTS_CA_BUNDLE": "/opt/sdev/trust.pem", "NODE_EXTRA_CA_CERTS": "/opt/sdev/trust.pem", "AWS_CA_BUNDLE": "/opt/sdev/trust.pem",
		"LOCAL_STREAMLIT": "(unset)",
	} {
		if got := value(app, name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	var trusted map[string]string
	if err := json.Unmarshal([]byte(value(app, "STREAMLIT_SERVER_TRUSTED_USER_HEADERS")), &trusted); err != nil || trusted["x-amzn-oidc-identity"] != "sub" {
		t.Errorf("trusted headers %v, %v", trusted, err)
	}
	if !slices.ContainsFunc(app.Configs, func(c types.ServiceConfigObjConfig) bool { return c.Target == "/opt/sdev/trust.pem" }) ||
		e.Project.Configs["sdev-trust"].File != given.Login.Trust {
		t.Errorf("the certificates are not mounted: %+v", app.Configs)
	}
}

func TestOverlay_OtherModesHaveNothingOfAFrontDoor(t *testing.T) {
	for _, mode := range []dev.Mode{dev.Local, dev.AppLogin, dev.Native} {
		e, app := overlaid(t, composeFile, func(p *config.Parts) { p.Mode = mode })
		if e.GatewayConfig.Keys != "" || len(e.Project.Services[config.GatewayService].ExtraHosts) != 0 || value(app, "ALB_ARN") != "(unset)" || value(app, "NODE_EXTRA_CA_CERTS") != "(unset)" {
			t.Errorf("%s: keys at %q", mode, e.GatewayConfig.Keys)
		}
	}
}

func TestOverlay_TheComposeFileWinsOverTheDoor(t *testing.T) {
	e, app := overlaid(t, `services:
  streamlit:
    image: shop
    extra_hosts: ["db:10.0.0.1"]
    environment:
      ALB_ARN: mine
      SSL_CERT_FILE: /etc/own.pem
      AWS_CA_BUNDLE: ""
      STREAMLIT_SERVER_TRUSTED_USER_HEADERS: '{"x-amzn-oidc-identity": "id"}'
`, behindALB)
	for name, want := range map[string]string{
		"ALB_ARN": "mine", "SSL_CERT_FILE": "/etc/own.pem", "AWS_CA_BUNDLE": "/opt/sdev/trust.pem", "REQUESTS_CA_BUNDLE": "/opt/sdev/trust.pem",
		"STREAMLIT_SERVER_TRUSTED_USER_HEADERS": `{"x-amzn-oidc-identity": "id"}`,
	} {
		if got := value(app, name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	hosts := e.Project.Services[config.GatewayService].ExtraHosts
	if len(hosts) != 3 || !slices.Equal(hosts["db"], []string{"10.0.0.1"}) {
		t.Errorf("%v", hosts)
	}
	p := loaded(t, "services:\n  streamlit:\n    image: shop\n    environment:\n      SSL_CERT_FILE: /etc/own.pem\n")
	if name, place := p.OwnTrust(); name != "SSL_CERT_FILE" || place != "docker-compose.yml:5" {
		t.Errorf("%s at %s", name, place)
	}
}

// Requests for keys use TLS, so it is the proxy for https that would take them away.
func TestOverlay_HostsOfTheDoorBypassEveryProxy(t *testing.T) {
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "https_proxy", "ALL_PROXY"} {
		_, app := overlaid(t, composeFile, behindALB, func(p *config.Parts) {
			p.Machine.Proxy = map[string]string{name: "http://proxy:3128", "NO_PROXY": "db"}
		})
		for _, except := range []string{"NO_PROXY", "no_proxy"} {
			if got := value(app, except); !strings.Contains(got, keyHost) || !strings.Contains(got, poolHost) || !strings.Contains(got, "localhost") || except == "NO_PROXY" && !strings.HasPrefix(got, "db,") {
				t.Errorf("with %s, %s is %q", name, except, got)
			}
		}
	}
	_, app := overlaid(t, composeFile, behindALB)
	if got := value(app, "NO_PROXY"); got != "(unset)" {
		t.Errorf("without a proxy NO_PROXY is %q", got)
	}
}

// The container has mounted the file with the certificates, so a new file does not reach it.
func TestOverlay_ANewAuthorityIsANewContainer(t *testing.T) {
	label := func(certificate string) string {
		_, app := overlaid(t, composeFile, behindALB, func(p *config.Parts) { p.Login.Door.Authority.Certificate = []byte(certificate) })
		return app.Labels["dev.sdev.authority"]
	}
	if a, b := label("one"), label("two"); a == b || a == "" || a != label("one") {
		t.Errorf("labels %q and %q", a, b)
	}
}

// A company's certificate authority stays trusted, since the file for the door has it, too.
func TestOverlay_TheTrustOfTheDoorReplacesThatOfTheMachine(t *testing.T) {
	_, app := overlaid(t, composeFile, behindALB, func(p *config.Parts) {
		p.Machine.CA = config.CA{File: "/etc/corp.pem", Origin: "SSL_CERT_FILE", PEM: []byte("certificate")}
	})
	if got := value(app, "SSL_CERT_FILE"); got != "/opt/sdev/trust.pem" {
		t.Errorf("%q", got)
	}
}
