package config

import (
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sdev/dev"
	"sdev/dev/devtest"
)

// asCheckout loads a compose file as one of several checkouts, under the name shop-7f3a.
func asCheckout(t *testing.T, compose string, env ...string) *Project {
	t.Helper()
	dir := devtest.Project(t, map[string]string{"compose.yaml": compose, "Dockerfile": "FROM python:3.11-slim\n", "Home.py": ""})
	p, err := Load(t.Context(), Options{Dir: dir, Env: env, Name: func(_, plain string) string { return plain + "-7f3a" }})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

const fixedNames = `name: shop
services:
  web: {build: ., image: "registry.example:5000/shop:dev", container_name: shop-web, command: streamlit run Home.py, networks: [front, back]}
  worker: {image: "registry.example:5000/shop:dev", container_name: "${COMPOSE_PROJECT_NAME}-worker"}
  job: {build: ., image: shop-job}
  db:
    image: postgres:16
    container_name: shop-db
    volumes: ["data:/var/lib/postgresql/data", "cache:/cache", "company:/company"]
    networks: {back: {aliases: [store]}}
  backup: {image: postgres:16, network_mode: "container:shop-db", volumes_from: ["container:shop-db:ro"], pid: "container:shop-db"}
  agent: {image: agent, network_mode: host}
volumes:
  data: {name: shop-data}
  cache: {}
  company: {external: true, name: company-data}
networks:
  front: {name: shop-front}
  back: {}
`

func TestSeparate_NothingOnTheEngineHasTheNameOfTheOtherCheckout(t *testing.T) {
	p := asCheckout(t, fixedNames)
	if p.Name != "shop-7f3a" || p.Plain != "shop" || !p.IsSeparate() {
		t.Errorf("%s, %s", p.Name, p.Plain)
	}
	got := map[string]string{}
	for key, v := range p.Model.Volumes {
		got["volume "+key] = v.Name
	}
	for key, n := range p.Model.Networks {
		got["network "+key] = n.Name
	}
	for name, s := range p.Model.Services {
		if s.ContainerName != "" {
			got["container of "+name] = s.ContainerName
		}
		got["image of "+name] = s.Image
	}
	want := map[string]string{
		"volume data": "shop-data-7f3a", "volume cache": "shop-7f3a_cache", "volume company": "company-data",
		"network front": "shop-front-7f3a", "network back": "shop-7f3a_back", "network default": "shop-7f3a_default",
		"container of web": "shop-web-7f3a", "container of db": "shop-db-7f3a", "container of worker": "shop-7f3a-worker",
		"image of web": "registry.example:5000/shop:dev-7f3a", "image of worker": "registry.example:5000/shop:dev-7f3a", "image of job": "shop-job:7f3a",
		"image of db": "postgres:16", "image of backup": "postgres:16", "image of agent": "agent",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	backup := p.Model.Services["backup"]
	if backup.NetworkMode != "container:shop-db-7f3a" || backup.Pid != "container:shop-db-7f3a" || !slices.Equal(backup.VolumesFrom, []string{"container:shop-db-7f3a:ro"}) {
		t.Errorf("%s, %s, %v", backup.NetworkMode, backup.Pid, backup.VolumesFrom)
	}
	// Others reach a service by the name that its container had.
	if aliases := p.Model.Services["db"].Networks["back"].Aliases; !slices.Equal(aliases, []string{"store", "shop-db"}) {
		t.Errorf("db is known as %v", aliases)
	}
	for _, network := range []string{"front", "back"} {
		if aliases := p.Model.Services["web"].Networks[network].Aliases; !slices.Equal(aliases, []string{"shop-web"}) {
			t.Errorf("web is known as %v in %s", aliases, network)
		}
	}
	renamed := "volume shop-data → shop-data-7f3a, network shop-front → shop-front-7f3a, container shop-db → shop-db-7f3a, image shop-job → shop-job:7f3a, " +
		"container shop-web → shop-web-7f3a, image registry.example:5000/shop:dev → registry.example:5000/shop:dev-7f3a"
	if said := strings.Join(p.Renamed, ", "); said != renamed {
		t.Errorf("said %q", said)
	}
	if shared := strings.Join(p.Shared(t.TempDir()), ", "); shared != "external volume company-data, the ports of service agent (network_mode: host)" {
		t.Errorf("shared %q", shared)
	}
}

// The first checkout, and one that the user has named, have the names of the file.
func TestSeparate_OnlyADerivedNameRenames(t *testing.T) {
	dir := devtest.Project(t, map[string]string{"compose.yaml": fixedNames, "Dockerfile": "FROM python:3.11-slim\n", "Home.py": ""})
	first, err := Load(t.Context(), Options{Dir: dir, Name: func(_, plain string) string { return plain }})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range []*Project{first, asCheckout(t, fixedNames, "COMPOSE_PROJECT_NAME=bank")} {
		if p.IsSeparate() || len(p.Renamed) > 0 || p.Model.Volumes["data"].Name != "shop-data" || p.Model.Services["db"].ContainerName != "shop-db" {
			t.Errorf("%s: %v", p.Name, p.Renamed)
		}
	}
}

func TestSeparate_ADirectoryWithoutAComposeFile(t *testing.T) {
	dir := devtest.Project(t, map[string]string{"Home.py": ""})
	o := Options{Dir: dir, Name: func(_, plain string) string { return plain + "-7f3a" }, Assume: func(string) (*Assumption, error) {
		return &Assumption{Service: "streamlit", Entry: "Home.py", Context: ".", Inline: "FROM python:3.11-slim\n"}, nil
	}}
	p, err := Load(t.Context(), o)
	if err != nil || p.Name != p.Plain+"-7f3a" || p.Model.Name != p.Name || p.Plain == "" {
		t.Fatalf("%+v, %v", p, err)
	}
	o.Env = []string{"COMPOSE_PROJECT_NAME=mine"}
	if p, err := Load(t.Context(), o); err != nil || p.Name != "mine" || !p.Named {
		t.Errorf("%+v, %v", p, err)
	}
}

func TestShared_NamesWhatCannotBeSeparated(t *testing.T) {
	p := asCheckout(t, `name: shop
services:
  web: {image: shop, command: streamlit run Home.py, volumes: ["./files:/files", "~/.aws:/root/.aws"]}
  db: {image: postgres:16, volumes: ["../pgdata:/var/lib/postgresql/data", "/etc/localtime:/etc/localtime", "../read:/read:ro", "/var/run/docker.sock:/docker.sock"], networks: [free, fixed]}
  cache: {image: redis, networks: {fixed: {ipv4_address: 172.29.8.5}}}
networks:
  free: {ipam: {config: [{subnet: 172.29.7.0/24}]}}
  fixed: {ipam: {config: [{subnet: 172.29.8.0/24}]}}
`)
	if n := p.Model.Networks["free"]; len(n.Ipam.Config) > 0 {
		t.Errorf("its own network has the other checkout's subnet: %+v", n.Ipam)
	}
	want := []string{"the addresses of network fixed (ipv4_address), so only one can run", "directory " + filepath.Join(filepath.Dir(p.Dir), "pgdata") + " of service db"}
	if diff := cmp.Diff(want, p.Shared(filepath.Join(filepath.Dir(p.Dir), "first"))); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// The project may be a directory of the repository, which mounts others of it.
func TestOwnRoot_IsWhatNoOtherCheckoutContains(t *testing.T) {
	for _, c := range []struct{ dir, other, want string }{
		{"/w/branch", "/w/shop", "/w/branch"}, {"/w/branch/deploy", "/w/shop/deploy", "/w/branch"}, {"/w/shop/trees/x/deploy", "/w/shop/deploy", "/w/shop/trees"},
		{"/w/shop", "/w/shop/trees/x", "/w/shop"}, {"/a/shop", "/b/shop", "/a"},
	} {
		if got := ownRoot(filepath.FromSlash(c.dir), filepath.FromSlash(c.other)); got != filepath.FromSlash(c.want) {
			t.Errorf("%s beside %s: %s, want %s", c.dir, c.other, got, c.want)
		}
	}
}

func TestFixedPorts_AreThoseOfTheFileExceptThePage(t *testing.T) {
	p := asCheckout(t, `name: shop
services:
  web: {image: shop, command: streamlit run Home.py, ports: ["8501:8501", "9000:9000"]}
  db: {image: postgres:16, ports: ["5432:5432", "127.0.0.1:5353:53/udp", "6000-6001:6000-6001", "7000"]}
`)
	want := []dev.PublishedPort{{Service: "db", Target: 5432, Protocol: "tcp", Port: 5432}, {Service: "db", Target: 53, Protocol: "udp", Port: 5353},
		{Service: "db", Target: 6000, Protocol: "tcp", Port: 6000}, {Service: "db", Target: 6001, Protocol: "tcp", Port: 6001}, {Service: "web", Target: 9000, Protocol: "tcp", Port: 9000}}
	if diff := cmp.Diff(want, p.FixedPorts()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	moved := map[dev.PublishedPort]int{}
	for i, port := range want {
		moved[port] = 20000 + i
	}
	e, err := Overlay(p, Parts{Mode: dev.Local, Port: 8510, ProviderPort: 8610, Moved: moved, Env: func(int) map[string]string { return nil }, StateDir: p.StatePath()})
	if err != nil {
		t.Fatal(err)
	}
	var published []string
	for _, name := range slices.Sorted(maps.Keys(e.Project.Services)) {
		for _, port := range e.Project.Services[name].Ports {
			published = append(published, port.Published)
		}
	}
	if !slices.Equal(published, []string{"20000", "20001", "20002", "20003", "", "8510", "8610", "20004"}) {
		t.Errorf("published %q", published)
	}
	if !slices.Equal(e.GatewayConfig.NeighbourPorts, []int{20000, 20001, 20002, 20003}) {
		t.Errorf("ports of services %v", e.GatewayConfig.NeighbourPorts)
	}
}

func TestHost_IsTheNameOfThePage(t *testing.T) {
	for _, c := range []struct{ setting, url string }{
		{"", "http://localhost:8510"}, {"x-sdev: {host: localhost}\n", "http://localhost:8510"}, {"x-sdev: {host: shop.localhost}\n", "http://shop.localhost:8510"}, {"x-sdev: {host: a.b.localhost}\n", "http://a.b.localhost:8510"},
	} {
		dir := devtest.Project(t, map[string]string{"compose.yaml": "services: {web: {image: shop, command: streamlit run Home.py}}\n" + c.setting, "Home.py": ""})
		p, err := Load(t.Context(), Options{Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		e, err := Overlay(p, Parts{Mode: dev.Local, Port: 8510, ProviderPort: 8610, Env: func(int) map[string]string { return nil }, StateDir: p.StatePath()})
		if err != nil || e.URL != c.url || e.GatewayConfig.Origin() != c.url {
			t.Errorf("%s: %s, %s, %v", c.setting, e.URL, e.GatewayConfig.Origin(), err)
		}
	}
	for _, host := range []string{"shop.example.com", "Shop.localhost", "127.0.0.1", "-a.localhost", "localhost.evil.example", "shop.localhost:8501", "''", "[a]"} {
		dir := devtest.Project(t, map[string]string{"compose.yaml": "services: {web: {image: shop, command: streamlit run Home.py}}\nx-sdev: {host: " + host + "}\n", "Home.py": ""})
		if _, err := Load(t.Context(), Options{Dir: dir}); err == nil || dev.AsError(err).Code != dev.CodeXSdev || dev.AsError(err).Line != 2 {
			t.Errorf("%s: %v", host, err)
		}
	}
}
