package release

import (
	"cmp"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"sdev/dev"
	"sdev/dev/destination"
	"sdev/dev/handoff"
)

// bundlePlace says where the bundle of a target is. out is the directory that the user named; "" is the usual one.
func (p *Project) bundlePlace(target, out string) (handoff.Place, error) {
	root := p.root()
	if out == "" {
		out = filepath.Join(p.config.Dir, Bundles, target)
	} else if !filepath.IsAbs(out) {
		out = filepath.Join(p.releaser.Dir, out)
	}
	out, err := filepath.Abs(out)
	if err != nil {
		return handoff.Place{}, err
	}
	if reason := p.misplaced(root, out); reason != "" {
		return handoff.Place{}, &dev.Error{Code: dev.CodeDeployDir, Exit: dev.ExitFailed, Message: dev.Sanitize(out) + " cannot take a bundle: " + reason,
			Hint: "name a directory that contains nothing else, for example --out handoff"}
	}
	// A path within the repository stays relative to it, so that symbolic links that lead out of it are refused later.
	for _, name := range []string{out, dev.RealPath(out)} {
		if rel, err := filepath.Rel(root, name); err == nil && filepath.IsLocal(rel) {
			return handoff.Place{Root: root, Bundle: filepath.ToSlash(rel)}, nil
		}
	}
	return handoff.Place{Root: dev.RealPath(out), Bundle: "."}, nil
}

// misplaced says why a bundle cannot be in a directory; "" if it can. A bundle is in the project, or in a directory of
// its own.
func (p *Project) misplaced(root, out string) string {
	for _, name := range []string{out, dev.RealPath(out)} {
		if destination.Within(name, dev.RealPath(p.config.Dir)) {
			return "it contains the project"
		}
	}
	inside := false
	for _, pair := range [][2]string{{root, out}, {dev.RealPath(root), dev.RealPath(out)}} {
		if rel, err := filepath.Rel(pair[0], pair[1]); err == nil && filepath.IsLocal(rel) {
			inside = true
			if reason := destination.Reserved(rel); reason != "" {
				return reason
			}
		}
	}
	switch {
	case !inside:
		return cmp.Or(p.releaser.Guard.RefuseDir(out), misplacedOutside(p.releaser.Guard.Home, out))
	case holdsSource(dev.RealPath(out)):
		return "it contains code of the app"
	}
	return ""
}

// misplacedOutside is misplaced for a directory outside of the project. It must belong to the user, and be new, empty,
// or already a bundle.
func misplacedOutside(home, out string) string {
	real, home := dev.RealPath(out), dev.RealPath(home)
	switch rel, err := filepath.Rel(home, real); {
	case err != nil || !destination.Within(home, real):
	case rel == ".":
		return "it is your home directory"
	case strings.HasPrefix(rel, "."):
		return "programs keep their settings there"
	}
	info, err := os.Stat(real)
	if errors.Is(err, fs.ErrNotExist) {
		return ""
	}
	if err != nil || !info.IsDir() {
		return "" // opening it reports that
	}
	if uid, _, ok := dev.Owner(info); ok && uid != os.Getuid() {
		return "it belongs to another user"
	}
	if entries, err := os.ReadDir(real); err == nil && len(entries) > 0 && !isBundle(real) {
		return "it is not empty, and not a bundle of sdev"
	}
	return ""
}

func isBundle(dir string) bool {
	info, err := os.Lstat(filepath.Join(dir, handoff.OwnDir))
	return err == nil && info.IsDir()
}

// holdsSource reports whether a directory of the project contains Python code. A bundle in it would become part of the
// app.
func holdsSource(dir string) bool {
	if isBundle(dir) {
		return false
	}
	found := false
	_ = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error { // what cannot be read is not code
		if err != nil {
			return nil // as above
		}
		if d.IsDir() && isBundle(filepath.Join(dir, d.Name())) {
			return fs.SkipDir
		}
		if found = d.Type().IsRegular() && filepath.Ext(d.Name()) == ".py"; found {
			return fs.SkipAll
		}
		return nil
	})
	return found
}
