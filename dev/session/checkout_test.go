package session

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/types"

	"sdev/dev"
	"sdev/dev/devtest"
	"sdev/dev/plan"
)

// computer is a machine with an engine, on which checkouts claim names.
type computer struct {
	*testing.T
	engine *devtest.Fake
	host   Host
	c      Containers
}

func newComputer(t *testing.T) *computer {
	t.Helper()
	dir := t.TempDir()
	m := &computer{T: t, engine: devtest.NewFake("shop:1")}
	m.host = Host{Getenv: func(string) string { return "" }, Now: time.Now, MachineDir: func() (string, error) { return dir, nil }}
	m.c = Containers{Runtime: m.engine, Catalog: m.engine, Host: "unix:///test.sock"}
	return m
}

// checkout makes a directory with the project shop. settings is more text of its compose file.
func (m *computer) checkout(settings string) string {
	m.Helper()
	return devtest.Project(m, map[string]string{"compose.yaml": "name: shop\nservices: {web: {image: shop:1, command: streamlit run Home.py}}\n" + settings, "Home.py": "import streamlit as st\nst.login()\n"})
}

// claims returns the name that a directory gets, and what is said about it.
func (m *computer) claims(dir string, o Options) (*Session, []dev.Warning) {
	m.Helper()
	h := m.host
	h.Dir = dir
	s, err := New(m.Context(), h, o)
	if err != nil {
		m.Fatal(err)
	}
	said, err := s.claim(m.Context(), m.c)
	if err != nil {
		m.Fatal(err)
	}
	return s, said
}

func (m *computer) name(dir string) string {
	m.Helper()
	s, _ := m.claims(dir, Options{})
	return s.Project.Name
}

// runs creates a container of a project.
func (m *computer) runs(name, dir string) {
	m.Helper()
	service := types.ServiceConfig{Name: "web"}
	service.Image = "shop:1"
	op := plan.Operation{Verb: plan.Create, Kind: plan.ServiceContainer, Name: name + "-web-1", Service: plan.Service{Config: service}}
	must(m.T, m.engine.Do(m.Context(), op, plan.Labels{Project: name, Dir: dir}))
}

// derived matches a name that a second checkout gets.
var derived = regexp.MustCompile(`^shop-[0-9a-f]{4}$`)

func TestCheckout_TheFirstKeepsThePlainNameAndTheSecondGetsItsOwn(t *testing.T) {
	m := newComputer(t)
	first, second := m.checkout(""), m.checkout("")
	if s, said := m.claims(first, Options{}); s.Project.Name != "shop" || len(said) > 0 {
		t.Errorf("the first: %s, %v", s.Project.Name, said)
	}
	s, said := m.claims(second, Options{})
	name := s.Project.Name
	if !derived.MatchString(name) || len(said) != 1 || said[0].Code != dev.CodeCheckout || !strings.Contains(said[0].Message, first) || !strings.Contains(said[0].Message, name) || !strings.Contains(said[0].Hint, "docker compose -p "+name) {
		t.Errorf("the second: %s, %+v", name, said)
	}
	if s.Project.Model.Name != name || s.Project.Plain != "shop" || s.Project.Model.Networks["default"].Name != name+"_default" {
		t.Errorf("model %s, networks %v", s.Project.Model.Name, s.Project.Model.Networks)
	}
	if s, said := m.claims(second, Options{}); s.Project.Name != name || len(said) > 0 {
		t.Errorf("the second again: %s, %v", s.Project.Name, said)
	}
	if got := m.name(first); got != "shop" {
		t.Errorf("the first again: %s", got)
	}
	// Every command finds the name without an engine.
	h := m.host
	h.Dir = second
	if p, err := Load(t.Context(), h, Options{}); err != nil || p.Name != name {
		t.Errorf("loaded: %v, %v", p, err)
	}
	if p, err := Load(t.Context(), h, Options{Shipped: true}); err != nil || p.Name != "shop" {
		t.Errorf("what ships is called %v, %v", p, err)
	}
	must(t, os.RemoveAll(first))
	if got := m.name(second); got != name {
		t.Errorf("without the first: %s", got)
	}
	if got := m.name(m.checkout("")); got != "shop" {
		t.Errorf("a third, without the first: %s", got)
	}
}

// What the engine has counts, whatever this machine remembers.
func TestCheckout_ANameBelongsToWhoeverHasObjectsOnTheEngine(t *testing.T) {
	for name, owns := range map[string]func(m *computer, dir string){
		"containers": func(m *computer, dir string) { m.runs("shop", dir) },
		"containers of docker compose": func(m *computer, dir string) {
			m.engine.Foreign(plan.Labels{Project: "shop", Dir: dir}, "web")
		},
		"a volume alone": func(m *computer, dir string) {
			op := plan.Operation{Verb: plan.Create, Kind: plan.Volume, Name: "shop_data", Volume: types.VolumeConfig{Name: "shop_data"}}
			must(m.T, m.engine.Do(m.Context(), op, plan.Labels{Project: "shop", Dir: dir}))
		},
	} {
		t.Run(name, func(t *testing.T) {
			m := newComputer(t)
			m.host.MachineDir = nil
			first, second := m.checkout(""), m.checkout("")
			owns(m, first)
			if got := m.name(second); !derived.MatchString(got) {
				t.Errorf("the second is %s", got)
			}
			if got := m.name(first); got != "shop" {
				t.Errorf("the first is %s", got)
			}
			must(t, os.RemoveAll(first))
			if got := m.name(m.checkout("")); got != "shop" {
				t.Errorf("with the first gone, a third is %s", got)
			}
		})
	}
}

func TestCheckout_AtTheSameMomentOneGetsThePlainName(t *testing.T) {
	m := newComputer(t)
	names := make([]string, 8)
	var claiming sync.WaitGroup
	for i := range names {
		dir := m.checkout("")
		claiming.Go(func() {
			h := m.host
			h.Dir = dir
			s, err := New(t.Context(), h, Options{})
			if err == nil {
				_, err = s.claim(t.Context(), m.c)
			}
			if err != nil {
				t.Error(err)
				return
			}
			names[i] = s.Project.Name
		})
	}
	claiming.Wait()
	slices.Sort(names)
	if names[0] != "shop" || len(slices.Compact(slices.Clone(names))) != len(names) {
		t.Errorf("names %v", names)
	}
}

func TestCheckout_TheNameBelongsToTheFolder(t *testing.T) {
	copyOf := func(t *testing.T, dir string) string {
		t.Helper()
		to := filepath.Join(t.TempDir(), "copy")
		must(t, os.CopyFS(to, os.DirFS(dir)))
		return to
	}
	for name, c := range map[string]struct {
		other func(t *testing.T, dir string) string // from the second checkout
		same  bool                                  // it keeps the second's name
	}{
		"copied with its state": {copyOf, false},
		"moved": {func(t *testing.T, dir string) string {
			t.Helper()
			to := filepath.Join(t.TempDir(), "moved")
			must(t, os.Rename(dir, to))
			return to
		}, true},
		"through a link": {func(t *testing.T, dir string) string {
			t.Helper()
			link := filepath.Join(t.TempDir(), "link")
			must(t, os.Symlink(dir, link))
			return link
		}, true},
		"below it": {func(t *testing.T, dir string) string {
			t.Helper()
			must(t, os.Mkdir(filepath.Join(dir, "pages"), 0o700))
			return filepath.Join(dir, "pages")
		}, true},
	} {
		t.Run(name, func(t *testing.T) {
			m := newComputer(t)
			first, second := m.checkout(""), m.checkout("")
			m.runs(m.name(first), first)
			own := m.name(second)
			m.runs(own, second)
			other := c.other(t, second)
			got, said := m.claims(other, Options{})
			if (got.Project.Name == own) != c.same || !derived.MatchString(got.Project.Name) || (len(said) == 0) != c.same {
				t.Errorf("%s, was %s; %v", got.Project.Name, own, said)
			}
			if again := m.name(other); again != got.Project.Name {
				t.Errorf("it changed from %s to %s", got.Project.Name, again)
			}
		})
	}
}

// Two copies of a checkout that is gone cannot both keep its name.
func TestCheckout_OfTwoCopiesOneKeepsTheName(t *testing.T) {
	m := newComputer(t)
	first, second := m.checkout(""), m.checkout("")
	m.name(first)
	own := m.name(second)
	one, two := filepath.Join(t.TempDir(), "one"), filepath.Join(t.TempDir(), "two")
	must(t, os.CopyFS(one, os.DirFS(second)), os.CopyFS(two, os.DirFS(second)), os.RemoveAll(second))
	if a, b := m.name(one), m.name(two); a != own || b == own || !derived.MatchString(b) {
		t.Errorf("%s and %s, was %s", a, b, own)
	}
}

func TestCheckout_ADamagedFileSaysNothing(t *testing.T) {
	for name, text := range map[string]string{
		"no JSON": "shop-1234", "another project": `{"plain":"shop","name":"bank-1234","dir":DIR}`, "no name": `{"plain":"shop","name":"shop-../x","dir":DIR}`,
		"empty": "", "another plain name": `{"plain":"bank","name":"bank","dir":DIR}`,
	} {
		t.Run(name, func(t *testing.T) {
			m := newComputer(t)
			dir := m.checkout("")
			must(t, os.Mkdir(filepath.Join(dir, dev.StateDir), 0o700))
			quoted, err := json.Marshal(dir)
			must(t, err)
			devtest.Write(t, filepath.Join(dir, dev.StateDir, checkoutFile), strings.ReplaceAll(text, "DIR", string(quoted)))
			if got := m.name(dir); got != "shop" {
				t.Errorf("name %s", got)
			}
		})
	}
}

func TestCheckout_ANameThatTheUserGaveStays(t *testing.T) {
	m := newComputer(t)
	first, second := m.checkout(""), m.checkout("")
	m.runs(m.name(first), first)
	devtest.Write(t, filepath.Join(second, ".env"), "COMPOSE_PROJECT_NAME=shop\n")
	s, said := m.claims(second, Options{})
	if s.Project.Name != "shop" || len(said) > 0 {
		t.Errorf("%s, %v", s.Project.Name, said)
	}
	i, err := Observe(t.Context(), m.c, s.Project)
	must(t, err)
	if e := dev.AsError(i.Elsewhere); i.Elsewhere == nil || e.Code != dev.CodeElsewhere || !strings.Contains(e.Hint, "COMPOSE_PROJECT_NAME") {
		t.Errorf("%+v", i.Elsewhere)
	}
	devtest.Write(t, filepath.Join(second, ".env"), "COMPOSE_PROJECT_NAME=mine\n")
	if got := m.name(second); got != "mine" {
		t.Errorf("name %s", got)
	}
	// A new name in the compose file counts at once, and the old one again later.
	must(t, os.Remove(filepath.Join(second, ".env")))
	own := m.name(second)
	compose := filepath.Join(second, "compose.yaml")
	before, err := os.ReadFile(compose)
	must(t, err)
	devtest.Write(t, compose, strings.Replace(string(before), "name: shop", "name: bank", 1))
	if got := m.name(second); got != "bank" {
		t.Errorf("name %s", got)
	}
	devtest.Write(t, compose, string(before))
	if got := m.name(second); got != own {
		t.Errorf("name %s, was %s", got, own)
	}
}

// In modes with a login, a second checkout has a host name of its own, unless its files name one.
func TestCheckout_ItsPageHasItsOwnHostInModesWithALogin(t *testing.T) {
	m := newComputer(t)
	first, second, third := m.checkout(""), m.checkout(""), m.checkout("x-sdev: {host: mine.localhost}\n")
	for _, c := range []struct {
		dir, auth, host string // a prefix and a suffix of the host, with * between
	}{
		{first, "native", "localhost"}, {second, "native", "shop-*.localhost"}, {second, "", "localhost"}, {third, "native", "mine.localhost"}, {third, "", "mine.localhost"},
	} {
		s, _ := m.claims(c.dir, Options{Auth: c.auth})
		prefix, suffix, _ := strings.Cut(c.host, "*")
		if got := s.Project.Host(); !strings.HasPrefix(got, prefix) || !strings.HasSuffix(got, suffix) || !strings.Contains(c.host, "*") && got != c.host {
			t.Errorf("%s with --with-auth=%s: host %s, want %s", s.Project.Name, c.auth, got, c.host)
		}
		if said := len(s.login.host) > 0; said != strings.Contains(c.host, "*") {
			t.Errorf("%s with --with-auth=%s: it says %v", s.Project.Name, c.auth, s.login.host)
		}
	}
}

func TestOwnHost_IsAHostName(t *testing.T) {
	m := newComputer(t)
	s, _ := m.claims(m.checkout(""), Options{})
	for name, want := range map[string]string{
		"shop-7f3a":                           "shop-7f3a.localhost",
		"my_shop-7f3a":                        "my-shop-7f3a.localhost",
		"_shop-7f3a":                          "shop-7f3a.localhost",
		strings.Repeat("a", 70) + "-7f3a":     strings.Repeat("a", 58) + "-7f3a.localhost",
		strings.Repeat("a-", 3) + "shop-7f3a": "a-a-a-shop-7f3a.localhost",
	} {
		p := *s.Project
		p.Name = name
		if got := ownHost(&p); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}

// A name whose hash another directory has becomes longer.
func TestCheckout_EqualHashesGetLongerNames(t *testing.T) {
	m := newComputer(t)
	first, second := m.checkout(""), m.checkout("")
	m.runs(m.name(first), first)
	names := ownNames(second, "shop")
	m.runs(names[1], first)
	if got := m.name(second); got != names[2] || !strings.HasPrefix(got, names[1]) {
		t.Errorf("name %s, of %v", got, names)
	}
}

func TestObserveAll_ListsWhatSdevCreatedAndNothingElse(t *testing.T) {
	m := newComputer(t)
	first, second := m.checkout(""), m.checkout("")
	m.runs(m.name(first), first)
	m.runs(m.name(second), second)
	m.engine.Foreign(plan.Labels{Project: "other", Dir: first}, "db")
	m.engine.Foreign(plan.Labels{Project: "shop", Dir: first}, "db")
	must(t, os.RemoveAll(first))
	all, err := ObserveAll(t.Context(), m.c)
	must(t, err)
	if len(all) != 2 {
		t.Fatalf("%+v", all)
	}
	for i, want := range []struct {
		dir, plain string
		gone       bool
	}{{first, "", true}, {second, "shop", false}} {
		s := all[i].Status(t.Context(), m.host, nil, EngineStatus{})
		if s.Dir != want.dir || s.Plain != want.plain || s.Gone != want.gone || len(s.Services) != 1 || s.Services[0].Name != "web" {
			t.Errorf("%+v, want %+v", s, want)
		}
	}
}
