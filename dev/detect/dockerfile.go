package detect

import (
	"cmp"
	"encoding/json"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"sdev/dev/docker/dockerfile"
	"sdev/dev/pattern"
)

// Dockerfile is what a Dockerfile says about the image of its last stage, or of the stage that a compose file
// names, including the stages that it starts from.
type Dockerfile struct {
	Path    string   `json:"path"`
	Base    Fact     `json:"base"`    // reference of the first stage's base image
	Python  Fact     `json:"python"`  // version of a Python base image
	Workdir string   `json:"workdir"` // "" if it is not set
	Command Fact     `json:"command"` // ENTRYPOINT and CMD as they are written, joined
	User    Fact     `json:"user"`
	Copies  []Copied `json:"copies"` // what is copied from the build context
	// PythonPath is the value of ENV PYTHONPATH, with variables expanded.
	PythonPath Fact `json:"python_path"`
	// App says why the image is, or may be, the app's; the value is empty if it is not.
	App Fact `json:"app"`
	// Hidden are directories that the build creates below a copied one, for example ".venv". A mount over the
	// copied directory would hide them.
	Hidden []Fact `json:"hidden,omitempty"`

	// Env are the variables that ENV sets, with variables expanded.
	Env map[string]string `json:"-"`

	// Steps are the instructions of the stage, after those of the stages that it starts from.
	Steps []Fact `json:"-"`

	entrypoint, arguments Fact // ENTRYPOINT and CMD
	env                   map[string]string
	instructions          []dockerfile.Instruction
}

// Copied is a COPY or ADD from the build context.
type Copied struct {
	From string `json:"from"` // relative to the context, with slashes; ".": all of it
	To   string `json:"to"`   // absolute, in the image
	Line int    `json:"line"`
	part bool   // a part of what a COPY of another stage took: the context need not have it
}

func dockerfiles(t *tree) []Dockerfile {
	names := t.named(dockerfile.IsName)
	// The plain name before its variants, in the same directory.
	slices.SortStableFunc(names, func(a, b string) int {
		if d := strings.Count(a, "/") - strings.Count(b, "/"); d != 0 {
			return d
		}
		return len(path.Base(a)) - len(path.Base(b))
	})
	var out []Dockerfile
	for _, name := range names {
		out = append(out, readDockerfile(t, name, ""))
	}
	rank := map[string]int{}
	for i := range out {
		out[i].App, rank[out[i].Path] = appFact(t, out[i])
	}
	slices.SortStableFunc(out, func(a, b Dockerfile) int { return rank[b.Path] - rank[a.Path] })
	return out
}

// Image returns what a Dockerfile of the tree says about the image of a stage; target "" is the last. ok is false if
// there is no such file.
func (f *Findings) Image(context, dockerfile, target string) (d Dockerfile, ok bool) {
	name := path.Join(context, dockerfile)
	if !f.tree.has(name) {
		return Dockerfile{}, false
	}
	return readDockerfile(f.tree, name, target), true
}

// appFact says why a Dockerfile builds the app, and how strong the reason is.
func appFact(t *tree, d Dockerfile) (Fact, int) {
	fact := func(why string, line int) Fact { return Fact{Value: d.Path, Why: why, File: d.Path, Line: line} }
	text := strings.ToLower(d.steps())
	switch {
	case len(containerOf(t, d, buildContext(t, d)).runs(d.Command.Value, d.Path, d.Command.Line)) > 0:
		return fact("its command runs Streamlit", d.Command.Line), 3
	case strings.Contains(text, "streamlit"):
		return fact("it mentions Streamlit", 0), 2
	case startsOther(d.Command.Value):
	case d.Python.Value != "" || slices.ContainsFunc([]string{"pip", "uv ", "conda", "mamba", "poetry"}, func(w string) bool { return strings.Contains(text, w) }):
		return fact("it installs Python packages", 0), 1
	}
	return Fact{}, 0
}

// steps is the text of all stages without comments: those often name what the image is not.
func (d Dockerfile) steps() string {
	var b strings.Builder
	for _, in := range d.instructions {
		b.WriteString(in.Name + " " + in.Rest + "\n")
	}
	return b.String()
}

// buildContext is the directory that a Dockerfile is built from: the nearest one upwards from it that holds everything
// that it copies, or else the tree's.
func buildContext(t *tree, d Dockerfile) string {
	for dir := path.Dir(d.Path); dir != "."; dir = path.Dir(dir) {
		if t.copiesFrom(d, dir) {
			return dir
		}
	}
	return "."
}

// stage is the part of a Dockerfile from one FROM to the next.
type stage struct {
	name, from   string
	line         int
	instructions []dockerfile.Instruction
}

func readDockerfile(t *tree, name, target string) Dockerfile {
	return parseDockerfile(t, name, t.text(name), target)
}

func newDockerfile(name string) Dockerfile {
	return Dockerfile{Path: name, Env: map[string]string{}, env: map[string]string{}}
}

// parseDockerfile reads the text of a Dockerfile, which the file of a name holds. One that the parser refuses has no
// instructions: no builder accepts it either.
func parseDockerfile(t *tree, name, text, target string) Dockerfile {
	d := newDockerfile(name)
	args := map[string]string{}
	var stages []stage
	list, err := dockerfile.Instructions([]byte(text))
	if err != nil {
		t.noteUnread(name, "not read: "+err.Error())
	}
	for _, in := range list {
		d.instructions = append(d.instructions, in)
		switch {
		case in.Name == "FROM":
			stages = append(stages, parseStage(in, args))
		case len(stages) > 0:
			s := &stages[len(stages)-1]
			s.instructions = append(s.instructions, in)
		case in.Name == "ARG":
			for _, v := range in.Variables() {
				args[v.Name] = dockerfile.Expand(v.Value, args)
			}
		}
	}
	if len(stages) == 0 {
		return d
	}
	last := len(stages) - 1
	if target != "" {
		if i := slices.IndexFunc(stages, func(s stage) bool { return strings.EqualFold(s.name, target) }); i >= 0 {
			last = i
		}
	}
	d.apply(stages, last)
	return d
}

func parseStage(in dockerfile.Instruction, args map[string]string) stage {
	s := stage{line: in.Line}
	fields := slices.DeleteFunc(strings.Fields(in.Rest), func(f string) bool { return strings.HasPrefix(f, "--") })
	if len(fields) > 0 {
		s.from = dockerfile.Expand(fields[0], args)
	}
	if len(fields) > 2 && strings.EqualFold(fields[1], "as") {
		s.name = fields[2]
	}
	return s
}

// apply reads a stage after the one that it starts from.
func (d *Dockerfile) apply(stages []stage, n int) {
	s := stages[n]
	parent := slices.IndexFunc(stages[:n], func(p stage) bool { return p.name != "" && strings.EqualFold(p.name, s.from) })
	if parent >= 0 {
		d.apply(stages, parent)
	} else {
		d.Base = Fact{Value: s.from, Why: "FROM", File: d.Path, Line: s.line}
		if m := pythonImage.FindStringSubmatch(s.from); m != nil {
			d.Python = Fact{Value: m[1], Why: "the base image is " + s.from, File: d.Path, Line: s.line}
		}
	}
	hasCommand := false
	for _, in := range s.instructions {
		d.Steps = append(d.Steps, Fact{Value: in.Name + " " + in.Rest, File: d.Path, Line: in.Line})
		switch in.Name {
		case "WORKDIR":
			d.Workdir = path.Join("/", d.Workdir, dockerfile.Expand(in.Rest, d.env))
			if to := dockerfile.Expand(in.Rest, d.env); path.IsAbs(to) {
				d.Workdir = path.Clean(to)
			}
		case "COPY", "ADD":
			if source, ok := stageOf(stages[:n], in); ok {
				d.addCopiesOfStage(stages, source, in)
			} else {
				d.addCopies(in)
			}
		case "ENV", "ARG":
			d.addVariables(in)
		case "USER":
			d.User = Fact{Value: in.Rest, Why: "USER", File: d.Path, Line: in.Line}
		case "ENTRYPOINT":
			d.entrypoint = Fact{Value: in.Rest, Why: in.Name, File: d.Path, Line: in.Line}
			if !hasCommand { // it clears an inherited CMD, as in the builder
				d.arguments = Fact{}
			}
		case "CMD":
			d.arguments = Fact{Value: in.Rest, Why: in.Name, File: d.Path, Line: in.Line}
			hasCommand = true
		case "RUN":
			d.noteEnvironments(in)
		}
	}
	d.Command = joinedFact(d.entrypoint, d.arguments)
}

// joinedFact joins an entrypoint and its arguments. The place is that of the latter, if there are any.
func joinedFact(entrypoint, arguments Fact) Fact {
	out := cmp.Or(arguments, entrypoint)
	out.Value = strings.TrimSpace(entrypoint.Value + " " + arguments.Value)
	return out
}

// StreamlitArguments returns the arguments of the streamlit program that the image's command starts; ok is false if it starts
// another one, or by a shell.
func (d Dockerfile) StreamlitArguments() (args []string, ok bool) {
	var words []string
	for _, form := range []Fact{d.entrypoint, d.arguments} {
		var part []string
		if form.Value != "" && json.Unmarshal([]byte(form.Value), &part) != nil {
			return nil, false
		}
		words = append(words, part...)
	}
	i := slices.IndexFunc(words, func(w string) bool { return path.Base(w) == "streamlit" })
	if i < 0 {
		return nil, false
	}
	return words[i+1:], true
}

var pythonImage = pattern.New(`(?:^|/)python:(\d+\.\d+)`)

func (d *Dockerfile) addCopies(in dockerfile.Instruction) {
	for _, w := range words(in.Rest) {
		if strings.HasPrefix(w, "--from=") || strings.HasPrefix(w, "<<") {
			return // not from the context
		}
	}
	for _, c := range d.copied(in) {
		c.From = path.Clean(strings.TrimPrefix(c.From, "/"))
		d.Copies = append(d.Copies, c)
	}
}

// copied returns what a COPY or ADD copies. From is as it is written, without "./" and a slash at its end.
func (d *Dockerfile) copied(in dockerfile.Instruction) []Copied {
	list := slices.DeleteFunc(words(in.Rest), func(w string) bool { return strings.HasPrefix(w, "--") })
	if len(list) < 2 {
		return nil
	}
	to := dockerfile.Expand(list[len(list)-1], d.env)
	dir := strings.HasSuffix(to, "/") || len(list) > 2 || to == "." || path.Clean(to) == path.Clean("/"+d.Workdir)
	if !path.IsAbs(to) {
		to = path.Join("/", d.Workdir, to)
	}
	var out []Copied
	for _, from := range list[:len(list)-1] {
		c := Copied{From: path.Clean(strings.TrimPrefix(from, "./")), To: path.Clean(to), Line: in.Line}
		if dir && path.Ext(c.From) != "" && !strings.HasSuffix(from, "/") {
			c.To = path.Join(c.To, path.Base(c.From)) // a file is copied into a directory
		}
		out = append(out, c)
	}
	return out
}

// stageOf returns the earlier stage that a COPY copies from, by its name or number. ok is false if it copies from the
// context or from another image.
func stageOf(earlier []stage, in dockerfile.Instruction) (n int, ok bool) {
	for _, w := range words(in.Rest) {
		name, is := strings.CutPrefix(w, "--from=")
		if !is {
			continue
		}
		if n, err := strconv.Atoi(name); err == nil {
			return n, n >= 0 && n < len(earlier)
		}
		n = slices.IndexFunc(earlier, func(s stage) bool { return s.name != "" && strings.EqualFold(s.name, name) })
		return n, n >= 0
	}
	return 0, false
}

// addCopiesOfStage records what a COPY of another stage passes on of what that stage copied from the context, and the
// environments with it: "COPY --from=builder /app /app".
func (d *Dockerfile) addCopiesOfStage(stages []stage, n int, in dockerfile.Instruction) {
	source := newDockerfile(d.Path)
	source.apply(stages, n)
	for _, step := range d.copied(in) {
		taken := path.Join("/", dockerfile.Expand(step.From, d.env))
		for _, c := range source.Copies {
			if to, ok := moved(c.To, taken, step.To); ok {
				d.Copies = append(d.Copies, Copied{From: c.From, To: to, Line: in.Line, part: c.part})
			} else if from, ok := moved(taken, c.To, c.From); ok && !strings.ContainsAny(c.From, "*?") {
				d.Copies = append(d.Copies, Copied{From: from, To: step.To, Line: in.Line, part: true})
			}
		}
		for _, h := range source.Hidden {
			if to, ok := moved(h.Value, taken, step.To); ok {
				d.addHidden(to, h.Line)
			}
		}
	}
}

func (d *Dockerfile) addVariables(in dockerfile.Instruction) {
	values := map[string]string{}
	for _, v := range in.Variables() { // each of them sees the variables before this instruction
		values[v.Name] = dockerfile.Expand(v.Value, d.env)
	}
	maps.Copy(d.env, values)
	if in.Name == "ENV" {
		maps.Copy(d.Env, values)
	}
	for _, k := range slices.Sorted(maps.Keys(values)) {
		v := values[k]
		if k == "PYTHONPATH" && in.Name == "ENV" {
			d.PythonPath = Fact{Value: v, Why: "ENV PYTHONPATH", File: d.Path, Line: in.Line}
		}
		if in.Name == "ENV" && (k == "VIRTUAL_ENV" || k == "UV_PROJECT_ENVIRONMENT") {
			d.addHidden(v, in.Line)
		}
	}
}

// noteEnvironments records virtual environments that a RUN creates below the working directory.
func (d *Dockerfile) noteEnvironments(in dockerfile.Instruction) {
	list := words(strings.ReplaceAll(in.Rest, "\n", " ; "))
	for i, w := range list {
		switch {
		case w == "uv" && slices.Contains(list[i:], "sync") && d.env["UV_PROJECT_ENVIRONMENT"] == "",
			w == "poetry" && slices.Contains(list[i:], "install") && strings.Contains(d.env["POETRY_VIRTUALENVS_IN_PROJECT"], "1"),
			w == "poetry" && slices.Contains(list[i:], "install") && strings.EqualFold(d.env["POETRY_VIRTUALENVS_IN_PROJECT"], "true"):
			d.addHidden(".venv", in.Line)
		case w == "venv" && i > 0 && (list[i-1] == "-m" || list[i-1] == "uv"):
			for _, arg := range list[i+1:] {
				if isSeparator(arg) {
					break
				}
				if !strings.HasPrefix(arg, "-") {
					d.addHidden(arg, in.Line)
					break
				}
			}
		}
	}
}

func (d *Dockerfile) addHidden(dir string, line int) {
	if !path.IsAbs(dir) {
		dir = path.Join("/", d.Workdir, dir)
	}
	if dir = path.Clean(dir); !slices.ContainsFunc(d.Hidden, func(f Fact) bool { return f.Value == dir }) {
		d.Hidden = append(d.Hidden, Fact{Value: dir, Why: "the image has its packages there", File: d.Path, Line: line})
	}
}
