package config_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"

	"sdev/dev"
	"sdev/dev/config"
	"sdev/dev/devtest"
)

// parts are those of a machine on which nothing is special.
func parts(p *config.Project) config.Parts {
	return config.Parts{
		Machine: config.Machine{UID: 1000, GID: 1001}, Mode: dev.Local, Port: 8600, ProviderPort: 8601, GatewayImage: "sdev-gateway:1",
		Image: config.ImageFacts{WorkingDir: "/app", Command: []string{"streamlit", "run", "Home.py"}},
		Env: func(port int) map[string]string {
			return map[string]string{"STREAMLIT_SERVER_PORT": strconv.Itoa(port), "STREAMLIT_SERVER_HEADLESS": "true"}
		},
		Shim: []byte("import sys  # costs $5\n"), ShimModules: map[string][]byte{"sdev_identity.py": []byte("1\n"), "sdev_person.py": []byte("2\n")}, StateDir: p.StatePath(),
	}
}

func overlaid(t *testing.T, compose string, change ...func(*config.Parts)) (*config.Effective, types.ServiceConfig) {
	t.Helper()
	p := loaded(t, compose)
	given := parts(p)
	for _, f := range change {
		f(&given)
	}
	e, err := config.Overlay(p, given)
	if err != nil {
		t.Fatal(err)
	}
	return e, e.Project.Services[e.App]
}

func value(s types.ServiceConfig, name string) string {
	if v := s.Environment[name]; v != nil {
		return *v
	}
	return "(unset)"
}

func TestOverlay_OfAScaffoldedProject(t *testing.T) {
	p := loaded(t, composeFile)
	given := parts(p)
	given.Machine.AWS = config.AWS{Dir: "/home/alice/.aws", Profile: "shop-dev", Region: "eu-west-1", Caches: []string{"sso/cache", "cli/cache"}}
	given.Machine.CA = config.CA{File: "/etc/corp.pem", Origin: "SSL_CERT_FILE", PEM: []byte("certificate")}
	given.BytecodeEnv = "KEEP_BYTECODE"
	given.Machine.Proxy = map[string]string{"HTTPS_PROXY": "http://proxy:3128"}
	e, err := config.Overlay(p, given)
	if err != nil {
		t.Fatal(err)
	}
	yaml, err := e.YAML()
	if err != nil {
		t.Fatal(err)
	}
	devtest.Golden(t, "effective.yml", strings.ReplaceAll(string(yaml), p.Dir, "/work/shop"))
	if e.URL != "http://localhost:8600" || e.GatewayConfig.Port != 8600 || len(e.Seeds) != 2 {
		t.Errorf("%s, %+v, %+v", e.URL, e.GatewayConfig, e.Seeds)
	}
	if again, err := config.Overlay(p, given); err != nil || len(again.Notes) != len(e.Notes) {
		t.Errorf("the second time: %v", err)
	}
	if app := p.Model.Services["streamlit-local"]; len(app.Ports) != 1 || len(app.Environment) != 0 {
		t.Errorf("the project was changed: %+v", app)
	}
}

// The printed model is what docker compose would run alone, so it must be a project itself.
func TestOverlay_CanBeReadAgain(t *testing.T) {
	e, _ := overlaid(t, composeFile)
	yaml, err := e.YAML()
	if err != nil {
		t.Fatal(err)
	}
	again, err := loader.LoadWithContext(t.Context(), types.ConfigDetails{WorkingDir: t.TempDir(), ConfigFiles: []types.ConfigFile{{Filename: "effective.yml", Content: yaml}}})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range e.Project.Services {
		if got := again.Services[name]; value(got, "PYTHONPATH") != value(want, "PYTHONPATH") || value(got, dev.GatewayConfigEnv) != value(want, dev.GatewayConfigEnv) ||
			got.NetworkMode != want.NetworkMode || len(got.Ports) != len(want.Ports) {
			t.Errorf("service %s is read as %+v", name, got)
		}
	}
	if got := again.Configs["sdev-shim"].Content; got != "import sys  # costs $5\n" {
		t.Errorf("the shim is read as %q", got)
	}
}

func TestOverlay_GatewayTakesWhatTheNamespaceOwnerHas(t *testing.T) {
	e, app := overlaid(t, `services:
  streamlit:
    image: shop
    container_name: front
    hostname: web
    dns: 1.1.1.1
    extra_hosts: ["db:10.0.0.1"]
    ports: ["0.0.0.0:9000:8501", "9100:9100"]
    expose: ["8501"]
    networks: {inner: {aliases: [shop]}}
  other:
    image: nginx
    ports: ["8080:80", "[::1]:8081:81"]
networks: {inner: {}}
`, func(p *config.Parts) { p.Port = 9000 })
	g := e.Project.Services[config.GatewayService]
	if len(app.Ports)+len(app.Networks)+len(app.Expose)+len(app.DNS)+len(app.ExtraHosts) != 0 || app.Hostname != "" || app.NetworkMode != "service:"+config.GatewayService {
		t.Errorf("the app kept something: %+v", app)
	}
	if _, ok := app.DependsOn[config.GatewayService]; !ok {
		t.Error("the app does not depend on its gateway")
	}
	if g.Hostname != "web" || len(g.DNS) != 1 || len(g.ExtraHosts) != 1 || !slices.Contains(g.Networks["inner"].Aliases, "streamlit") || !slices.Contains(g.Networks["inner"].Aliases, "shop") {
		t.Errorf("the gateway did not get everything: %+v", g)
	}
	var ports []string
	for _, s := range []string{config.GatewayService, "other"} {
		for _, p := range e.Project.Services[s].Ports {
			ports = append(ports, p.HostIP+":"+p.Published+">"+strconv.Itoa(int(p.Target)))
		}
	}
	if got, want := strings.Join(ports, " "), "127.0.0.1:9000>8501 127.0.0.1:8601>8601 127.0.0.1:9100>9100 127.0.0.1:8080>80 ::1:8081>81"; got != want {
		t.Errorf("ports %s, want %s", got, want)
	}
	if got, want := e.GatewayConfig.Aliases, []string{"front", "shop", "streamlit", "web"}; !slices.Equal(got, want) {
		t.Errorf("aliases %q, want %q", got, want)
	}
}

func TestOverlay_TheGatewayKnowsTheOtherServicesAndTheirPorts(t *testing.T) {
	e, _ := overlaid(t, "services:\n  streamlit: {image: x, ports: ['8501:8501']}\n  nginx: {image: y, ports: ['127.0.0.1:8080:80', '8443:443', '90']}\n  db: {image: z, ports: ['8080:8080']}\n")
	if g := e.GatewayConfig; !slices.Equal(g.Neighbours, []string{"db", "nginx"}) || !slices.Equal(g.NeighbourPorts, []int{8080, 8443}) {
		t.Errorf("%q %v", g.Neighbours, g.NeighbourPorts)
	}
}

func TestOverlay_PortsOfAppAndGatewayDiffer(t *testing.T) {
	for name, c := range map[string]struct{ service, listen, upstream string }{
		"nothing said":            {"{image: shop}", ":8501", "127.0.0.1:18501"},
		"published":               {"{image: shop, ports: [\"80:8080\"]}", ":8080", "127.0.0.1:18080"},
		"a high one":              {"{image: shop, ports: [\"80:60000\"]}", ":60000", "127.0.0.1:50000"},
		"in the command":          {"{image: shop, command: streamlit run x.py --server.port=8501, ports: [\"80:8501\"]}", ":8500", "127.0.0.1:8501"},
		"in the command, apart":   {"{image: shop, command: streamlit run x.py --server.port 9000, ports: [\"80:8501\"]}", ":8501", "127.0.0.1:9000"},
		"in the command, 8500":    {"{image: shop, command: streamlit run x.py --server.port 8500}", ":8501", "127.0.0.1:8500"},
		"in the image's command":  {"{image: shop:with-port}", ":8500", "127.0.0.1:7000"},
		"8501 among other ports":  {"{image: shop, ports: [\"1:1111\", \"80:8501\"]}", ":8501", "127.0.0.1:18501"},
		"the service's over both": {"{image: shop:with-port, command: [streamlit, run, x.py]}", ":8501", "127.0.0.1:18501"},
	} {
		t.Run(name, func(t *testing.T) {
			e, app := overlaid(t, "services:\n  streamlit: "+c.service+"\n", func(p *config.Parts) {
				if strings.Contains(c.service, "with-port") {
					p.Image.Command = []string{"streamlit", "run", "x.py", "--server.port=7000"}
				}
			})
			if e.GatewayConfig.Listen != c.listen || e.GatewayConfig.Upstream != c.upstream {
				t.Errorf("gateway at %s, app at %s, want %s and %s", e.GatewayConfig.Listen, e.GatewayConfig.Upstream, c.listen, c.upstream)
			}
			if got := "127.0.0.1:" + value(app, "STREAMLIT_SERVER_PORT"); got != c.upstream {
				t.Errorf("the app is told %s, want %s", got, c.upstream)
			}
			if got := e.Project.Services[config.GatewayService].Labels[dev.LabelFront]; ":"+got != c.listen+"/tcp" {
				t.Errorf("label %s", got)
			}
		})
	}
	p := loaded(t, "services:\n  streamlit:\n    image: shop\n    command: streamlit run x.py --server.port 99999\n")
	_, err := config.Overlay(p, parts(p))
	if got, want := dev.AsError(err).Error(), "docker-compose.yml:4: --server.port 99999 is not a valid port"; err == nil || got != want {
		t.Errorf("error %v, want %s", err, want)
	}
}

// An empty entry of PYTHONPATH is the working directory, and stays.
func TestOverlay_KeepsWhatPYTHONPATHSays(t *testing.T) {
	const shim = "/opt/sdev/shim:"
	for name, c := range map[string]struct{ compose, image, dir, want string }{
		"the image's":                 {"{image: shop}", ":/app", "/app", shim + ":/app"},
		"the compose file's":          {"{image: shop, environment: {PYTHONPATH: \":/srv/lib\"}}", "/app", "/app", shim + ":/srv/lib"},
		"nobody's, but a working dir": {"{image: shop, working_dir: /srv}", "", "/app", shim + "/srv"},
		"nobody's":                    {"{image: shop}", "", "/home/app", shim + "/home/app"},
		"nobody's and no dir":         {"{image: shop}", "", "", shim + "/app"},
	} {
		_, app := overlaid(t, "services:\n  streamlit: "+c.compose+"\n", func(p *config.Parts) {
			p.Image.Env, p.Image.WorkingDir = map[string]string{"PYTHONPATH": c.image}, c.dir
		})
		if got := value(app, "PYTHONPATH"); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestOverlay_IdentityIsYoursUnlessTheFileSaysOtherwise(t *testing.T) {
	for name, c := range map[string]struct{ service, user, home, tmpfs string }{
		"nothing said": {"{image: shop}", "1000:1001", "/home/sdev", "/home/sdev:exec,mode=0755,uid=1000,gid=1001"},
		"a user":       {"{image: shop, user: \"7\"}", "7", "/home/sdev", "/home/sdev:exec,mode=0755,uid=7"},
		"a name":       {"{image: shop, user: app}", "app", "/home/sdev", "/home/sdev:exec,mode=1777"},
		"a home":       {"{image: shop, environment: {HOME: /root}}", "1000:1001", "/root", ""},
	} {
		_, app := overlaid(t, "services:\n  streamlit: "+c.service+"\n")
		if got := strings.Join(app.Tmpfs, " "); app.User != c.user || value(app, "HOME") != c.home || got != c.tmpfs {
			t.Errorf("%s: user %q, home %q, tmpfs %q", name, app.User, value(app, "HOME"), got)
		}
	}
}

// On macOS and Windows the user's ids mean nothing in the engine's virtual machine.
func TestOverlay_LeavesUsersToAVirtualMachine(t *testing.T) {
	e, app := overlaid(t, "services:\n  streamlit: {image: shop}\n", func(p *config.Parts) { p.Machine.UID, p.Machine.GID, p.Machine.Foreign = 501, 20, true })
	if got := strings.Join(app.Tmpfs, " "); app.User != "" || value(app, "HOME") != "/home/sdev" || got != "/home/sdev:exec,mode=1777" {
		t.Errorf("the app: user %q, home %q, tmpfs %q", app.User, value(app, "HOME"), got)
	}
	if g := e.Project.Services[config.GatewayService]; g.User != "0:0" || !slices.Equal(g.CapAdd, []string{"DAC_OVERRIDE"}) || strings.Join(g.Tmpfs, " ") != "/run/sdev:mode=0700" {
		t.Errorf("the gateway: user %q, capabilities %v, tmpfs %q", g.User, g.CapAdd, g.Tmpfs)
	}
	for service, want := range map[string]string{"{image: shop, user: \"7\"}": "7", "{image: shop, volumes: [\"data:/root/x\"]}": "0:0"} {
		if _, app := overlaid(t, "services:\n  streamlit: "+service+"\nvolumes: {data: }\n", func(p *config.Parts) { p.Machine.Foreign = true }); app.User != want {
			t.Errorf("%s: user %q, want %q", service, app.User, want)
		}
	}
}

// In a rootless engine, the user's own id would be a stranger to the user's files.
func TestOverlay_IsRootInARootlessEngine(t *testing.T) {
	rootless := func(p *config.Parts) { p.Machine.Rootless = true }
	e, app := overlaid(t, "services:\n  streamlit: {image: shop}\n", rootless)
	if got := strings.Join(app.Tmpfs, " "); app.User != "0:0" || value(app, "HOME") != "/home/sdev" || got != "/home/sdev:exec,mode=0755" {
		t.Errorf("the app: user %q, home %q, tmpfs %q", app.User, value(app, "HOME"), got)
	}
	if g := e.Project.Services[config.GatewayService]; g.User != "0:0" || strings.Join(g.Tmpfs, " ") != "/run/sdev:mode=0700" {
		t.Errorf("the gateway: user %q, tmpfs %q", g.User, g.Tmpfs)
	}
	if _, app := overlaid(t, "services:\n  streamlit: {image: shop, user: \"7\"}\n", rootless); app.User != "7" {
		t.Errorf("the file's user 7 is %q", app.User)
	}
}

func TestOverlay_FileWinsOverOffers(t *testing.T) {
	_, app := overlaid(t, "services:\n  streamlit: {image: shop, environment: {AWS_REGION: mine, STREAMLIT_SERVER_HEADLESS: \"no\", LOCAL_STREAMLIT: \"0\", HTTPS_PROXY: none, EMPTY: }}\n",
		func(p *config.Parts) {
			p.Machine.AWS = config.AWS{Dir: "/home/alice/.aws", Region: "eu-west-1"}
			p.Machine.Proxy = map[string]string{"HTTPS_PROXY": "http://proxy:3128", "EMPTY": "filled"}
		})
	for name, want := range map[string]string{
		"AWS_REGION": "mine", "AWS_DEFAULT_REGION": "eu-west-1", "STREAMLIT_SERVER_HEADLESS": "no", "HTTPS_PROXY": "none",
		"LOCAL_STREAMLIT": "1", // what sdev up --local means, whatever stands there
	} {
		if got := value(app, name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
}

func TestOverlay_OwnMountOfAWSIsLeftAlone(t *testing.T) {
	e, app := overlaid(t, "services:\n  streamlit: {image: shop, volumes: [\"./aws:/home/sdev/.aws\"]}\n",
		func(p *config.Parts) {
			p.Machine.AWS = config.AWS{Dir: "/home/alice/.aws", Caches: []string{"sso/cache"}}
		})
	if len(app.Volumes) != 1 || len(e.Seeds) != 0 {
		t.Errorf("%+v, %+v", app.Volumes, e.Seeds)
	}
}

func TestOverlay_NewCABundleIsANewContainer(t *testing.T) {
	label := func(pem string) string {
		_, app := overlaid(t, "services:\n  streamlit: {image: shop, build: .}\n", func(p *config.Parts) {
			p.Machine.CA = config.CA{File: "/etc/corp.pem", Origin: "SSL_CERT_FILE", PEM: []byte(pem)}
		})
		if len(app.Build.Secrets) != 1 || app.Build.Secrets[0].Target != "ca" || value(app, "SSL_CERT_FILE") != "/opt/sdev/ca.pem" {
			t.Errorf("%+v", app.Build.Secrets)
		}
		return app.Labels["dev.sdev.ca"]
	}
	if a, b := label("one"), label("two"); a == b || a == "" || a != label("one") {
		t.Errorf("labels %q and %q", a, b)
	}
}

func TestOverlay_RulesComeFromTheFileFirst(t *testing.T) {
	e, _ := overlaid(t, composeFile)
	var got []string
	for _, r := range e.GatewayConfig.Rules {
		got = append(got, string(r.Action)+" "+r.Path+" "+r.Origin)
	}
	text := strings.Join(got, "\n")
	if !strings.HasPrefix(text, "rebuild pyproject.toml develop.watch[0] (docker-compose.yml)\nrestart .streamlit/config.toml develop.watch[1] (docker-compose.yml)\n") {
		t.Errorf("rules:\n%s", text)
	}
	for _, want := range []string{"restart . derived: project file", "rebuild . derived: source of the image", "live code_package derived: mounted source"} {
		if !strings.Contains(text, want) {
			t.Errorf("no rule %q among\n%s", want, text)
		}
	}
}

func TestOverlay_WatchThatIsNotAppliedIsRefused(t *testing.T) {
	const head = "services:\n  streamlit:\n    image: shop\n    build: .\n    develop:\n      watch:\n        - "
	for watch, want := range map[string]string{
		"{action: rebuild, path: ../other}": "docker-compose.yml:7: develop.watch[0] watches ../other, which lies outside the project",
	} {
		p := loaded(t, head+watch+"\n")
		_, err := config.Overlay(p, parts(p))
		if err == nil {
			t.Errorf("%s: no error", watch)
			continue
		}
		got := dev.AsError(err)
		text := strings.ReplaceAll(got.Error(), p.Dir[:strings.LastIndexByte(p.Dir, '/')], "..")
		if text != want || got.Hint == "" || got.Exit != dev.ExitProject {
			t.Errorf("%s: %s, want %s", watch, text, want)
		}
	}
}

const ownAWS = "services:\n  streamlit: {image: shop, environment: {AWS_PROFILE: mine}, volumes: [\"/home/alice/.aws/:/root/.aws/\", \"./code:/app/code\"]}\n"

func TestOverlay_KeysFromTheHostLeaveNothingElseOfAWS(t *testing.T) {
	e, app := overlaid(t, ownAWS, func(p *config.Parts) {
		p.Machine.AWS = config.AWS{Mode: config.AWSSession, Dir: "/home/alice/.aws", Profile: "dev", Region: "eu-west-1", Token: "of-the-project", Caches: []string{"sso/cache"}}
	})
	for name, want := range map[string]string{
		"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://" + e.GatewayConfig.Credentials + "/", "AWS_CONTAINER_AUTHORIZATION_TOKEN": "of-the-project",
		"AWS_PROFILE": "(unset)", "AWS_REGION": "eu-west-1", "AWS_EC2_METADATA_DISABLED": "true",
	} {
		if got := value(app, name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if !strings.HasPrefix(e.GatewayConfig.Credentials, "127.0.0.1:") || e.GatewayConfig.Credentials == e.GatewayConfig.Upstream {
		t.Errorf("the gateway gives keys at %q", e.GatewayConfig.Credentials)
	}
	if len(app.Volumes) != 1 || app.Volumes[0].Target != "/app/code" || len(e.Seeds) != 0 {
		t.Errorf("%+v, %+v", app.Volumes, e.Seeds)
	}
}

func TestOverlay_NoAWSMeansNoneOfTheFilesEither(t *testing.T) {
	e, app := overlaid(t, ownAWS, func(p *config.Parts) {
		p.Machine.AWS = config.AWS{Mode: config.AWSNone, Dir: "/home/alice/.aws", Region: "eu-west-1"}
	})
	if len(app.Volumes) != 1 || e.GatewayConfig.Credentials != "" || value(app, "AWS_REGION") != "(unset)" {
		t.Errorf("%+v, %q", app.Volumes, e.GatewayConfig.Credentials)
	}
}
