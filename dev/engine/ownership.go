package engine

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"

	"sdev/dev"
	"sdev/dev/plan"
)

// ProjectID tells projects of one name apart: several clones of a repository share a name, but each owns what it
// created on the engine.
type ProjectID struct {
	Name string
	Dir  string // absolute
	Host string // address of the engine
	// Named says that the user gave the name, so sdev gives no other one.
	Named bool
}

func (p Project) id() ProjectID {
	return ProjectID{Name: p.Name, Dir: p.Labels.Dir, Host: p.Host, Named: p.Named}
}

// CheckOwnership returns an error if the containers under a project's name belong to another directory. A directory
// that no longer exists owns nothing: somebody has moved or removed it. On a remote engine, however, it may exist
// on another user's machine, so there it counts as an owner.
func CheckOwnership(at ProjectID, have plan.Observed) error {
	i := slices.IndexFunc(have.Containers, at.isForeign)
	if i < 0 {
		return nil
	}
	c := have.Containers[i]
	e := &dev.Error{Code: dev.CodeElsewhere, Exit: dev.ExitProject, Message: fmt.Sprintf("project %s already runs from %s", at.Name, dev.Sanitize(c.Dir))}
	if !slices.ContainsFunc(have.Containers, func(c plan.Container) bool { return c.Running }) {
		e.Message = fmt.Sprintf("the containers of project %s were created from %s", at.Name, dev.Sanitize(c.Dir))
	}
	stop := "sdev -C " + inShell(c.Dir) + " down"
	if _, err := os.Stat(c.Dir); err != nil {
		e.Message += ", a directory that does not exist on this machine"
		stop = "there, or from here: docker compose -p " + at.Name + " down"
	} else if !c.Ours {
		stop = "docker compose -p " + at.Name + " down"
	}
	e.Hint = fmt.Sprintf("stop that project (%s), or run this one beside it: sdev up gives it a name of its own", stop)
	if at.Named {
		e.Hint = fmt.Sprintf("stop that project (%s), or give this one another name (COMPOSE_PROJECT_NAME); without that variable sdev up runs it beside the other one", stop)
	}
	return e
}

// Owner returns the directory of another project that has the name: its containers or its volumes were created from
// there; "" if nobody else has it. A directory whose containers these are owns the name, whatever else carries it.
func (at ProjectID) Owner(have plan.Observed) (dir string) {
	if i := slices.IndexFunc(have.Containers, at.isForeign); i >= 0 {
		return have.Containers[i].Dir
	}
	if len(have.Containers) > 0 {
		return ""
	}
	if i := slices.IndexFunc(have.Volumes, func(v plan.Resource) bool { return at.belongsElsewhere(v.Dir) }); i >= 0 {
		return have.Volumes[i].Dir
	}
	return ""
}

// isForeign reports whether a container belongs to another directory. Docker Compose labels its containers with the
// directory of the compose file, which may lie above or below the app's, so for those either counts as the same.
func (at ProjectID) isForeign(c plan.Container) bool {
	if !c.Ours && (contains(c.Dir, at.Dir) || contains(at.Dir, c.Dir)) {
		return false
	}
	return at.belongsElsewhere(c.Dir)
}

// contains reports whether outer is inner, or a directory above it.
func contains(outer, inner string) bool {
	rel, err := filepath.Rel(outer, inner)
	return filepath.IsAbs(outer) && err == nil && filepath.IsLocal(rel)
}

// belongsElsewhere reports whether an object that was created for dir belongs to another project than this.
func (at ProjectID) belongsElsewhere(dir string) bool {
	if !filepath.IsAbs(dir) || dir == at.Dir {
		return false // no label names an owner
	}
	other, err := os.Stat(dir)
	if err != nil {
		return at.isRemote()
	}
	own, err := os.Stat(at.Dir)
	return err != nil || !os.SameFile(own, other) // a link, or another spelling, is the same directory
}

// isRemote reports whether the engine may serve other machines than this one.
func (at ProjectID) isRemote() bool {
	return strings.Contains(at.Host, "://") && !strings.HasPrefix(at.Host, "unix://") && !strings.HasPrefix(at.Host, "npipe://")
}

// inShell quotes a path for a shell, and removes whatever would act on a terminal.
func inShell(path string) string {
	path = dev.Sanitize(path)
	if !strings.ContainsFunc(path, func(r rune) bool { return !strings.ContainsRune("/._-+,@%:", r) && !isWord(r) }) {
		return path
	}
	return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
}

func isWord(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
}

// observe returns what the engine has of the project. If that belongs to another directory, observe returns an
// error, and the caller must neither use nor change it.
func (e *Engine) observe(ctx context.Context, p Project, images ...string) (plan.Observed, error) {
	have, err := e.Runtime.Observe(ctx, p.Name, images)
	if err != nil {
		return have, err
	}
	return have, CheckOwnership(p.id(), have)
}

// ownedOnly removes the containers and volumes of other directories from have.
func (p Project) ownedOnly(have plan.Observed) plan.Observed {
	at := p.id()
	have.Containers = slices.DeleteFunc(slices.Clone(have.Containers), at.isForeign)
	have.Volumes = slices.DeleteFunc(slices.Clone(have.Volumes), func(v plan.Resource) bool { return at.belongsElsewhere(v.Dir) })
	return have
}

// made returns what sdev created from the project's directory. A network stays as long as other containers of the same name
// may use it.
func (p Project) made(have plan.Observed) plan.Observed {
	all := len(have.Containers)
	have.Containers = slices.DeleteFunc(slices.Clone(have.Containers), func(c plan.Container) bool { return !c.Ours || c.Dir != p.Labels.Dir })
	others := len(have.Containers) < all
	have.Networks = slices.DeleteFunc(slices.Clone(have.Networks), func(n plan.Resource) bool { return others || n.Hash == "" })
	have.Volumes = slices.DeleteFunc(slices.Clone(have.Volumes), func(v plan.Resource) bool {
		return v.Dir != p.Labels.Dir || v.Hash == "" && v.ForContainer == ""
	})
	return have
}

// removable returns the volumes that "down --volumes" may remove, and a warning for each other one that says why it
// stays: the data of a volume cannot be restored.
func (p Project) removable(have plan.Observed) (volumes []plan.Resource, kept []dev.Warning) {
	at := p.id()
	keep := func(v plan.Resource, why, hint string) {
		kept = append(kept, dev.Warning{Code: dev.CodeVolumeKept, Message: "volume " + v.Name + " stays: " + why, Hint: hint})
	}
	byHand := func(v plan.Resource) string { return "if nobody needs it: docker volume rm " + v.Name }
	for _, v := range have.Volumes {
		mounts := func(c plan.Container) bool { return slices.Contains(c.Volumes, v.Name) }
		switch {
		case slices.Contains(p.External, v.Name):
			keep(v, "it is external in the compose file", byHand(v))
		case v.Users != "":
			keep(v, "it is used by "+v.Users, byHand(v))
		case at.belongsElsewhere(v.Dir):
			keep(v, "it was created from "+dev.Sanitize(v.Dir), "remove it from there: sdev -C "+inShell(v.Dir)+" down --volumes; "+byHand(v))
		case v.Dir == "" && !slices.ContainsFunc(have.Containers, mounts):
			keep(v, "no label says that it was created from this directory", byHand(v))
		default:
			volumes = append(volumes, v)
		}
	}
	return volumes, kept
}

// foreignVolumes warns of each volume that this project is about to use and another directory created.
func (p Project) foreignVolumes(have plan.Observed, want plan.Desired) []dev.Warning {
	var list []dev.Warning
	for _, v := range have.Volumes {
		if used := slices.ContainsFunc(want.Volumes, func(w types.VolumeConfig) bool { return w.Name == v.Name }); used && p.id().belongsElsewhere(v.Dir) {
			list = append(list, dev.Warning{Code: dev.CodeElsewhere, Message: "volume " + v.Name + " was created from " + dev.Sanitize(v.Dir) + ", and this project uses its data too",
				Hint: "to get a separate volume, give this project another name: COMPOSE_PROJECT_NAME=NAME sdev up"})
		}
	}
	return list
}
