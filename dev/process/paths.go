package process

import (
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"sdev/dev"
)

// Paths translates the paths of a container into those of this machine. It knows the container's mounts, files and
// temporary directories, and the longest of them that begins a path decides.
//
// A path counts in three places: the working directory; a word of the command, also after "--option="; and an element of
// a variable whose elements are separated by colons, such as PYTHONPATH. Other text stays as it is.
type Paths struct {
	places []place // longest target first
	files  []place // secrets and configs, whose directories exist on this machine as well
}

type place struct{ target, source string }

// paths returns the translation for a container.
func (c found) paths() Paths {
	var p Paths
	for _, m := range c.Mounts {
		p.places = append(p.places, place{m.Target, m.Source})
	}
	p.places = append(p.places, c.placesAbove()...)
	for _, target := range c.Files {
		p.files = append(p.files, place{target, c.fileAt(target)})
	}
	p.places = append(p.places, p.files...)
	if c.Program != "" {
		p.places = append(p.places, place{dev.GatewayProgram, c.Program})
	}
	// A path of this machine is in a command if sdev found the script itself. A mount such as /tmp does not hide the project.
	if path.IsAbs(c.ProjectDir) {
		p.places = append(p.places, place{c.ProjectDir, c.ProjectDir})
	}
	slices.SortStableFunc(p.places, func(a, b place) int { return len(b.target) - len(a.target) })
	return p
}

// placesAbove are the directories above the mounts that have the same place in the project: an image that has the project at
// /app has its directory pages at /app/pages, so if only that is mounted, /app is the project.
func (c found) placesAbove() (out []place) {
	for _, m := range c.Mounts {
		target, source := m.Target, m.Source
		for path.Base(target) == filepath.Base(source) && path.Dir(target) != "/" {
			target, source = path.Dir(target), filepath.Dir(source)
			if rel, err := filepath.Rel(c.ProjectDir, source); err != nil || !filepath.IsLocal(rel) {
				break
			}
			out = append(out, place{target, source})
		}
	}
	return out
}

// Path translates an absolute path; ok is false if it leads to nothing on this machine.
func (p Paths) Path(name string) (translated string, ok bool) {
	if !path.IsAbs(name) {
		return name, false
	}
	clean := path.Clean(name)
	for _, at := range p.places {
		if rest, ok := within(clean, at.target); ok {
			return filepath.Join(at.source, filepath.FromSlash(rest)), true
		}
	}
	for _, f := range p.files {
		if rest, ok := within(f.target, clean); ok && rest != "" {
			return f.source[:len(f.source)-len(rest)-1], true
		}
	}
	return name, false
}

// leadsNowhere reports whether a text is an absolute path that does not exist on this machine, even if translated.
func (p Paths) leadsNowhere(name string) bool {
	if _, ok := p.Path(name); ok || !path.IsAbs(name) {
		return false
	}
	_, err := os.Stat(filepath.FromSlash(name))
	return err != nil
}

// within returns the rest of a path below a directory.
func within(name, dir string) (rest string, ok bool) {
	if dir == "/" {
		return strings.TrimPrefix(name, "/"), true
	}
	rest, ok = strings.CutPrefix(name, dir)
	return strings.TrimPrefix(rest, "/"), ok && (rest == "" || rest[0] == '/')
}

// Word translates a word of a command.
func (p Paths) Word(word string) string {
	if option, value, ok := strings.Cut(word, "="); ok && strings.HasPrefix(option, "-") {
		translated, _ := p.Path(value)
		return option + "=" + translated
	}
	translated, _ := p.Path(word)
	return translated
}

// Variable translates the value of an environment variable.
func (p Paths) Variable(value string) string {
	elements := strings.Split(value, ":")
	changed := false
	for i, element := range elements {
		if translated, ok := p.Path(element); ok {
			elements[i], changed = translated, true
		}
	}
	if !changed {
		return value
	}
	return strings.Join(elements, string(os.PathListSeparator))
}
