package session

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"

	"github.com/compose-spec/compose-go/v2/loader"

	"sdev/dev"
	"sdev/dev/config"
	"sdev/dev/engine"
)

// Several checkouts of one project (worktrees, clones) have one name in their files, but an engine knows projects by name.
// The first directory that runs keeps the plain name. Every other one gets a name of its own at its first "sdev up".

// checkout is the name under which the project of a directory runs. The state directory keeps it.
type checkout struct {
	Plain string `json:"plain"` // the name that the project's files gave then
	Name  string `json:"name"`
	Dir   string `json:"dir"` // the project's directory: a copy of the state directory elsewhere says nothing
}

// checkoutFile is the file of the state directory with the [checkout].
const checkoutFile = "checkout.json"

// checkoutOf returns the name that a directory has kept for a project. Nothing is kept if the state directory was copied
// from another project directory. If that one is gone, the project was moved, and keeps its name and volumes.
func checkoutOf(dir, plain string) (checkout, bool) {
	c, ok := keptBy(dir)
	return c, ok && c.Plain == plain
}

// keptBy is checkoutOf for whatever project the directory had last.
func keptBy(dir string) (c checkout, ok bool) {
	b, err := dev.ReadFile(filepath.Join(dir, dev.StateDir, checkoutFile))
	if err != nil || json.Unmarshal(b, &c) != nil || !isNameOf(c.Plain, c.Name) {
		return checkout{}, false
	}
	there, err := os.Stat(c.Dir)
	if os.IsNotExist(err) {
		return c, true
	}
	here, hereErr := os.Stat(dir)
	return c, err == nil && hereErr == nil && os.SameFile(there, here)
}

// isNameOf reports whether a checkout of a project can have a name.
func isNameOf(plain, name string) bool {
	return name == plain || strings.HasPrefix(name, plain+"-") && loader.NormalizeProjectName(name) == name
}

// keptName implements Name of [config.Options].
func keptName(dir, plain string) string {
	if c, ok := checkoutOf(dir, plain); ok {
		return c.Name
	}
	return plain
}

// keep writes the file.
func (c checkout) keep(p *config.Project) error {
	state, err := p.StateDir()
	if err != nil {
		return err
	}
	b, err := json.Marshal(c)
	if err != nil {
		return err
	}
	if err := dev.ReplaceFile(filepath.Join(state, checkoutFile), append(b, '\n'), 0o600); err != nil {
		return &dev.Error{Code: dev.CodeProjectInvalid, Exit: dev.ExitFailed, Cause: err, Message: "cannot store the project's name: " + err.Error(), Hint: "make the project directory writable"}
	}
	return nil
}

// ownNames are the names that a checkout may get, the likeliest first: the plain name, then ones with a part of the hash of
// its directory, so that a name does not depend on which checkout is started when.
func ownNames(dir, plain string) []string {
	sum := sha256.Sum256([]byte(dir))
	hash := hex.EncodeToString(sum[:])
	names := []string{plain}
	for n := 4; n <= 16; n += 2 {
		names = append(names, plain+"-"+hash[:n])
	}
	return names
}

// claim decides under which name the project runs, and keeps the decision. It returns what to say about it: nothing, except
// where a checkout gets a name of its own.
//
// A name is another one's if the engine has containers or volumes that were created from another directory, or if another
// directory has kept the name: that one may be stopped. Two directories that claim a name at the same time wait for each
// other.
func (s *Session) claim(ctx context.Context, c Containers) ([]dev.Warning, error) {
	p := s.Project
	if p.Named {
		return nil, nil
	}
	if kept, ok := checkoutOf(p.Dir, p.Plain); ok && kept == (checkout{Plain: p.Plain, Name: p.Name, Dir: p.Dir}) && isAlone(ctx, c, p) {
		return nil, nil
	}
	names := nameRegister{host: c.Host}
	if s.host.MachineDir != nil {
		if dir, err := s.host.MachineDir(); err == nil {
			names.dir = filepath.Join(dir, "names") // else only the engine knows who has a name
		}
	}
	release, err := names.lock(ctx)
	if err != nil {
		return nil, err
	}
	defer release()
	kept, isKept := checkoutOf(p.Dir, p.Plain)
	wanted := ownNames(p.Dir, p.Plain)
	if isKept {
		wanted = append([]string{kept.Name}, wanted[1:]...)
	}
	owner := ""
	for i, name := range wanted {
		other, err := names.owner(ctx, c, p, name)
		if err != nil {
			return nil, err
		}
		if i == 0 {
			owner = other
		}
		if other != "" {
			continue
		}
		mine := checkout{Plain: p.Plain, Name: name, Dir: p.Dir}
		if kept != mine {
			if err := mine.keep(p); err != nil {
				return nil, err
			}
		}
		names.register(name, p.Dir)
		if name == p.Name {
			return nil, nil
		}
		renamed, err := New(ctx, s.host, s.options)
		if err != nil {
			return nil, err
		}
		*s = *renamed
		return s.aboutName(owner), nil
	}
	return nil, &dev.Error{Code: dev.CodeElsewhere, Exit: dev.ExitProject, Message: "other directories have every name that sdev would give to this checkout of " + p.Plain, Hint: "name it yourself: COMPOSE_PROJECT_NAME=NAME sdev up"}
}

// isAlone reports whether the engine has sdev's containers of this directory under the project's name, and of no other one. It
// is a single request, where an owner takes several: most ups find their own containers.
func isAlone(ctx context.Context, c Containers, p *config.Project) bool {
	if c.Catalog == nil {
		return false
	}
	origins, err := c.Catalog.Projects(ctx)
	if err != nil {
		return false // owner meets the same error, and reports it
	}
	mine := false
	for _, o := range origins {
		if o.Name == p.Name && o.Dir != p.Dir {
			return false
		}
		mine = mine || o.Name == p.Name
	}
	return mine
}

// aboutName says that the checkout has a name of its own, and what follows from that. owner is the directory that has the
// name in the project's files.
func (s *Session) aboutName(owner string) []dev.Warning {
	p := s.Project
	if !p.IsSeparate() {
		return nil
	}
	out := []dev.Warning{{Code: dev.CodeCheckout, Message: dev.Sanitize("project " + p.Plain + " belongs to " + owner + ", so this checkout runs beside it, as " + p.Name),
		Hint: "docker compose needs the name too: docker compose -p " + p.Name + " ps"}}
	if len(p.Renamed) > 0 {
		out = append(out, dev.Warning{Code: dev.CodeCheckout, Message: "this checkout has its own " + strings.Join(p.Renamed, ", "), Hint: "to see everything that is derived: sdev config"})
	}
	if shared := p.Shared(owner); len(shared) > 0 {
		out = append(out, dev.Warning{Code: dev.CodeCheckout, Message: "all checkouts share " + strings.Join(shared, ", "), Hint: "to give this checkout its own, change that in compose.override.yaml"})
	}
	return out
}

// useOwnHost gives the page of a checkout beside another one a host name of its own, in modes with a login. It returns what
// to say about that.
func useOwnHost(p *config.Project, mode dev.Mode) []dev.Warning {
	if !p.IsSeparate() || !mode.SignsIn() || p.Settings.Host != "" {
		return nil
	}
	p.Settings.Host = ownHost(p)
	return []dev.Warning{{Code: dev.CodeCheckout, Message: "the page of this checkout is at " + p.Settings.Host + ", so that a sign-in here does not end the one at the other checkout",
		Hint: "to choose the name, write into the compose file: x-sdev: {host: NAME.localhost}"}}
}

// ownHost is the host name of a checkout's page in login modes. Cookies ignore ports, and Streamlit's own cannot be renamed:
// on one host name, each sign-in would end that of the other checkout.
func ownHost(p *config.Project) string {
	const longest = 63 // of a label in a host name
	label := strings.ReplaceAll(p.Name, "_", "-")
	return strings.Trim(label[max(0, len(label)-longest):], "-") + ".localhost"
}

// nameRegister knows which directories of this machine have kept which names. It is only for the time in which the engine
// has nothing of a project; without it, a checkout may take the plain name of one that is down.
type nameRegister struct {
	dir  string // "" for no register
	host string // address of the engine
}

// lock keeps other processes from claiming names.
func (r nameRegister) lock(ctx context.Context) (release func(), err error) {
	if r.dir == "" || os.MkdirAll(r.dir, 0o700) != nil {
		return func() {}, nil
	}
	return engine.LockFile(ctx, filepath.Join(r.dir, "lock"))
}

func (r nameRegister) file(name string) string {
	sum := sha256.Sum256([]byte(r.host + "\n" + name))
	return filepath.Join(r.dir, hex.EncodeToString(sum[:8]))
}

// register stores who has a name.
func (r nameRegister) register(name, dir string) {
	if r.dir == "" {
		return
	}
	if b, err := dev.ReadFile(r.file(name)); err != nil || string(b) != dir {
		_ = dev.ReplaceFile(r.file(name), []byte(dir), 0o600) // see nameRegister for what is lost
	}
}

// owner returns the directory of another project that has a name; "" if nobody has it.
func (r nameRegister) owner(ctx context.Context, c Containers, p *config.Project, name string) (string, error) {
	have, err := observe(ctx, c, name)
	if err != nil {
		return "", err
	}
	if dir := (engine.ProjectID{Name: name, Dir: p.Dir, Host: c.Host}).Owner(have); dir != "" || len(have.Containers) > 0 || r.dir == "" {
		return dir, nil
	}
	b, err := dev.ReadFile(r.file(name))
	if err != nil || string(b) == p.Dir {
		return "", nil
	}
	if kept, ok := checkoutOf(string(b), p.Plain); ok && kept.Name == name && kept.Dir == string(b) {
		return kept.Dir, nil
	}
	return "", nil
}
