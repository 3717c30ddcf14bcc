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

// ProjectID is where a project is: several clones of one repository have one name, and what each of them
// made on the engine is its own.
type ProjectID struct {
	Name string
	Dir  string // absolute
	Host string // address of the engine
}

func (p Project) place() ProjectID { return ProjectID{Name: p.Name, Dir: p.Labels.Dir, Host: p.Host} }

// CheckOwnership is the error that says that what the engine has under a project's name belongs to
// another directory; nil where it does not. A directory that is gone was moved here, or is nobody's any
// more. On an engine of another machine it may as well be a directory of somebody else's.
func CheckOwnership(at ProjectID, have plan.Observed) error {
	i := slices.IndexFunc(have.Containers, at.isForeign)
	if i < 0 {
		return nil
	}
	c := have.Containers[i]
	e := &dev.Error{Code: dev.CodeElsewhere, Exit: dev.ExitProject, Message: fmt.Sprintf("project %s already runs from %s", at.Name, dev.Sanitize(c.Dir))}
	if !slices.ContainsFunc(have.Containers, func(c plan.Container) bool { return c.Running }) {
		e.Message = fmt.Sprintf("what the engine has of project %s was made from %s", at.Name, dev.Sanitize(c.Dir))
	}
	stop := "sdev -C " + inShell(c.Dir) + " down"
	if _, err := os.Stat(c.Dir); err != nil {
		e.Message += ", a directory that is not on this machine"
		stop = "there, or from here: docker compose -p " + at.Name + " down"
	} else if !c.Ours {
		stop = "docker compose -p " + at.Name + " down"
	}
	e.Hint = fmt.Sprintf("stop it (%s), or give this one another name in its compose file (name: …)", stop)
	return e
}

// isForeign says whether a container belongs to another directory. What Docker Compose made has the directory
// of the compose file that it was told, which may as well lie around or below the one of the app.
func (at ProjectID) isForeign(c plan.Container) bool {
	if !c.Ours && (holds(c.Dir, at.Dir) || holds(at.Dir, c.Dir)) {
		return false
	}
	return at.foreign(c.Dir)
}

// holds says whether a directory lies in another.
func holds(outer, inner string) bool {
	rel, err := filepath.Rel(outer, inner)
	return filepath.IsAbs(outer) && err == nil && filepath.IsLocal(rel)
}

// foreign says whether something that was made for a directory belongs to another project than this.
func (at ProjectID) foreign(dir string) bool {
	if !filepath.IsAbs(dir) || dir == at.Dir {
		return false // nothing says whose it is
	}
	other, err := os.Stat(dir)
	if err != nil {
		return at.far()
	}
	own, err := os.Stat(at.Dir)
	return err != nil || !os.SameFile(own, other) // a link to it, or another spelling, is the same directory
}

// far says whether the engine may serve other machines than this one.
func (at ProjectID) far() bool {
	return strings.Contains(at.Host, "://") && !strings.HasPrefix(at.Host, "unix://") && !strings.HasPrefix(at.Host, "npipe://")
}

// inShell writes a path so that a shell reads it as one word, and a terminal as nothing else.
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

// observe looks at what the engine has of the project. What belongs to another directory is an error:
// nothing is read of it, nor changed.
func (e *Engine) observe(ctx context.Context, p Project, images ...string) (plan.Observed, error) {
	have, err := e.Runtime.Observe(ctx, p.Name, images)
	if err != nil {
		return have, err
	}
	return have, CheckOwnership(p.place(), have)
}

// own leaves out the containers and volumes that belong to another directory.
func (p Project) own(have plan.Observed) plan.Observed {
	at := p.place()
	have.Containers = slices.DeleteFunc(slices.Clone(have.Containers), at.isForeign)
	have.Volumes = slices.DeleteFunc(slices.Clone(have.Volumes), func(v plan.Resource) bool { return at.foreign(v.Dir) })
	return have
}

// removable are the volumes that "down --volumes" may remove. Of each other one a warning says why it
// stays: what is in a volume cannot be made again.
func (p Project) removable(have plan.Observed) (volumes []plan.Resource, kept []dev.Warning) {
	at := p.place()
	keep := func(v plan.Resource, why, hint string) {
		kept = append(kept, dev.Warning{Code: dev.CodeVolumeKept, Message: "volume " + v.Name + " stays: " + why, Hint: hint})
	}
	byHand := func(v plan.Resource) string { return "where nobody needs it: docker volume rm " + v.Name }
	for _, v := range have.Volumes {
		mounts := func(c plan.Container) bool { return slices.Contains(c.Volumes, v.Name) }
		switch {
		case slices.Contains(p.External, v.Name):
			keep(v, "the compose file says that it is external", byHand(v))
		case v.Users != "":
			keep(v, "it is used by "+v.Users, byHand(v))
		case at.foreign(v.Dir):
			keep(v, "it was made from "+dev.Sanitize(v.Dir), "remove it from there: sdev -C "+inShell(v.Dir)+" down --volumes; "+byHand(v))
		case v.Dir == "" && !slices.ContainsFunc(have.Containers, mounts):
			keep(v, "nothing says that it was made from this directory", byHand(v))
		default:
			volumes = append(volumes, v)
		}
	}
	return volumes, kept
}

// borrowed warns of volumes that were made from another directory, and that this project is about to use.
func (p Project) borrowed(have plan.Observed, want plan.Desired) []dev.Warning {
	var list []dev.Warning
	for _, v := range have.Volumes {
		if used := slices.ContainsFunc(want.Volumes, func(w types.VolumeConfig) bool { return w.Name == v.Name }); used && p.place().foreign(v.Dir) {
			list = append(list, dev.Warning{Code: dev.CodeElsewhere, Message: "volume " + v.Name + " was made from " + dev.Sanitize(v.Dir) + ", and what is in it is used here too",
				Hint: "for one of its own give this project another name in its compose file (name: …)"})
		}
	}
	return list
}
