package detect

import (
	"path"
	"slices"
	"strings"

	"sdev/dev/pattern"
)

// container is what is known of a container: it says which file of the tree a path in its command means.
type container struct {
	t       *tree
	context string // of the build, in the tree
	dir     string // the working directory; "" if it is unknown
	mounts  []Mount
	copies  []Copied
	env     map[string]string
}

// containerOf is the container of an image that is built in a directory of the tree.
func containerOf(t *tree, d Dockerfile, context string) container {
	return container{t: t, context: context, dir: d.Workdir, copies: d.Copies, env: d.env}
}

// find returns the file of the tree that a path in a command means. file is the file of the tree that holds the command.
func (c container) find(name, file string) (string, bool) { return c.locate(name, "", file, c.t.has) }

// locate is find for a command that goes to the directory cd first. It skips files that do not fit.
func (c container) locate(name, cd, file string, fits func(string) bool) (string, bool) {
	if name == "" || strings.ContainsAny(name, "$*") {
		return "", false
	}
	inside := path.Join("/", c.dir, cd, name)
	switch {
	case path.IsAbs(name):
		inside = path.Clean(name)
	case path.IsAbs(cd):
		inside = path.Join(cd, name)
	}
	for _, m := range c.mounts {
		if at, ok := moved(inside, m.To, m.From); ok && fits(at) {
			return at, true
		}
	}
	for _, m := range slices.Backward(c.copies) { // the last one overwrites the others
		from := path.Join(c.context, m.From)
		if strings.ContainsAny(from, "*?") {
			from = path.Dir(from)
		}
		if at, ok := moved(inside, m.To, from); ok && fits(at) {
			return at, true
		}
	}
	return c.t.resolve(name, cd, fits, path.Dir(file), c.context)
}

// moved is a path below one directory as the same path below another.
func moved(name, from, to string) (string, bool) {
	switch rest, below := strings.CutPrefix(name, strings.TrimSuffix(from, "/")+"/"); {
	case name == from:
		return to, true
	case below:
		return path.Join(to, rest), true
	}
	return "", false
}

// maxIndirection limits how many scripts and programs lead from a command to Streamlit.
const maxIndirection = 4

// runs returns the calls of "streamlit run" to which a command leads, itself or through a script, a Makefile, a process
// manager or a launcher in Python.
func (c container) runs(command, file string, at int) []run { return c.trace(command, file, at, 0) }

func (c container) trace(command, file string, at, depth int) []run {
	command = expand(command, c.env)
	var out []run
	direct := runs(command, file, at)
	for _, r := range direct {
		r.path, _ = c.locate(r.script, r.dir, r.file, c.t.mayBeApp)
		out = append(out, r)
	}
	if len(direct) > 0 || depth == maxIndirection {
		return out
	}
	list := words(command)
	for i, w := range list {
		if out = c.indirect(w, list[i+1:], i > 0 && list[i-1] == "-m", file, depth); len(out) > 0 {
			return out
		}
	}
	return nil
}

// indirect returns the calls to which one word of a command leads; rest is what follows the word.
func (c container) indirect(w string, rest []string, isModule bool, file string, depth int) []run {
	switch base := path.Base(w); {
	case isModule:
		return c.moduleRuns(w)
	case base == "make" || base == "gmake" || base == "just":
		return c.recipeRuns(base, rest, file, depth)
	case base == "supervisord":
		return c.supervisorRuns(rest, depth)
	case base == "honcho" || base == "foreman" || base == "hivemind" || base == "overmind":
		return c.linesRuns("Procfile", rest, depth)
	case base == "task":
		return c.linesRuns("Taskfile.yml", rest, depth)
	case strings.HasSuffix(base, ".py"):
		if script, ok := c.find(w, file); ok {
			return c.launchedBy(script)
		}
	case strings.HasPrefix(w, "-") || isSeparator(w):
	default:
		if script, ok := c.find(w, file); ok && c.t.isShellScript(script) {
			return c.shellRuns(script, depth)
		}
		return c.declaredRuns(w)
	}
	return nil
}

// isShellScript reports whether a shell runs a file.
func (t *tree) isShellScript(name string) bool {
	if strings.HasSuffix(name, ".sh") {
		return true
	}
	if path.Ext(name) != "" {
		return false
	}
	first, _, _ := strings.Cut(t.text(name), "\n")
	return strings.HasPrefix(first, "#!") && strings.Contains(first, "sh")
}

// assignment is a line of a shell script or a Makefile that sets a variable.
var assignment = pattern.New(`^\s*(?:export\s+)?([A-Za-z_]\w*)\s*[?:]?=\s*["']?([^"'\s;]*)["']?\s*$`)

// goesTo is a line of a shell script that only changes the directory.
var goesTo = pattern.New(`^\s*cd\s+["']?([^"'\s;&|]+)["']?\s*$`)

// shellRuns follows the lines of a shell script.
func (c container) shellRuns(script string, depth int) []run {
	var out []run
	inner := c.withEnv()
	cd := ""
	for _, l := range c.t.commands(script) {
		if m := assignment.FindStringSubmatch(l.text); m != nil {
			if _, set := c.env[m[1]]; !set {
				inner.env[m[1]] = expand(m[2], inner.env)
			}
			continue
		}
		if m := goesTo.FindStringSubmatch(l.text); m != nil {
			cd = expand(m[1], inner.env)
			if path.IsAbs(cd) || c.dir != "" && !strings.Contains(cd, "$") {
				inner.dir, cd = path.Join("/", inner.dir, cd), ""
				if path.IsAbs(m[1]) {
					inner.dir = path.Clean(m[1])
				}
			}
			continue
		}
		text := l.text
		if cd != "" && !strings.Contains(cd, "$") {
			text = "cd " + cd + "; " + text
		}
		out = append(out, inner.trace(text, script, l.n, depth+1)...)
	}
	return out
}

// withEnv is the container with variables of its own to add to.
func (c container) withEnv() container {
	env := map[string]string{}
	for name, value := range c.env {
		env[name] = value
	}
	c.env = env
	return c
}

// recipeRuns follows the recipe of a Makefile's or a justfile's target.
func (c container) recipeRuns(program string, rest []string, file string, depth int) []run {
	target, dir := recipeTarget(rest)
	names := []string{"Makefile", "makefile", "GNUmakefile"}
	if program == "just" {
		names = []string{"justfile", "Justfile", ".justfile"}
	}
	for _, name := range names {
		if script, ok := c.find(path.Join(dir, name), file); ok {
			return c.recipe(script, target, depth)
		}
	}
	return nil
}

// recipeTarget returns the target and the directory among the arguments of make; both are "" if they are not given.
func recipeTarget(args []string) (target, dir string) {
	for i := 0; i < len(args) && !isSeparator(args[i]); i++ {
		switch w := args[i]; {
		case w == "-C" && i+1 < len(args):
			i++
			dir = args[i]
		case target == "" && !strings.HasPrefix(w, "-") && !strings.Contains(w, "="):
			target = w
		}
	}
	return target, dir
}

// recipe follows the lines of a target; "" is the first one that leads somewhere.
func (c container) recipe(script, target string, depth int) []run {
	inner := c.withEnv()
	var out []run
	in := false
	for _, l := range c.t.commands(script) {
		if m := assignment.FindStringSubmatch(l.text); m != nil && !strings.HasPrefix(l.text, "\t") {
			inner.env[m[1]] = expand(m[2], inner.env)
			continue
		}
		if head, _, ok := strings.Cut(l.text, ":"); ok && head != "" && !strings.ContainsAny(head[:1], "\t .") {
			in = target == "" && len(out) == 0 || slices.Contains(strings.Fields(head), target)
			continue
		}
		if in {
			out = append(out, inner.trace(strings.TrimLeft(l.text, " \t@-"), script, l.n, depth+1)...)
		}
	}
	return out
}

// supervisorRuns follows the programs of supervisord's settings.
func (c container) supervisorRuns(rest []string, depth int) []run {
	named := ""
	for i, w := range rest {
		if (w == "-c" || w == "--configuration") && i+1 < len(rest) {
			named = rest[i+1]
		}
	}
	files := c.t.named(func(base string) bool { return strings.HasSuffix(base, ".conf") || strings.HasSuffix(base, ".ini") })
	if file, ok := c.find(named, ""); ok && named != "" {
		files = append([]string{file}, files...)
	}
	for _, name := range files {
		if !strings.Contains(c.t.text(name), "[program:") {
			continue
		}
		var out []run
		inner := c
		for _, l := range c.t.commands(name) {
			key, value, _ := strings.Cut(l.text, "=")
			switch strings.TrimSpace(key) {
			case "directory":
				inner.dir = strings.TrimSpace(value)
			case "command":
				out = append(out, inner.trace(value, name, l.n, depth+1)...)
			}
			if strings.HasPrefix(key, "[") {
				inner.dir = c.dir
			}
		}
		if len(out) > 0 {
			return out
		}
	}
	return nil
}

// linesRuns follows every line of the file of a process manager.
func (c container) linesRuns(name string, rest []string, depth int) []run {
	for i, w := range rest {
		if (w == "-f" || w == "--procfile" || w == "-t" || w == "--taskfile") && i+1 < len(rest) {
			name = rest[i+1]
		}
	}
	file, ok := c.find(name, "")
	if !ok {
		return nil
	}
	var out []run
	for _, l := range c.t.commands(file) {
		_, command, _ := strings.Cut(l.text, ":")
		out = append(out, c.trace(command, file, l.n, depth+1)...)
	}
	return out
}

// variable is a variable in a command, with a default if it has one: $X, ${X}, ${X:-y} or, in a Makefile, $(X).
var variable = pattern.New(`\$\{(\w+)(?::?-([^}]*))?\}|\$\((\w+)\)|\$([A-Za-z_]\w*)`)

// expand fills in the variables of a command that are known, and leaves the others.
func expand(command string, env map[string]string) string {
	return variable.ReplaceAllStringFunc(command, func(use string) string {
		m := variable.FindStringSubmatch(use)
		value, set := env[m[1]+m[3]+m[4]]
		switch {
		case set && (value != "" || !strings.Contains(use, ":-")):
			return value
		case strings.Contains(use, "-"):
			return m[2]
		}
		return use
	})
}
