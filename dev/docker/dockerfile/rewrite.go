package dockerfile

import (
	"regexp"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"

	"sdev/dev/pattern"
)

// Change says what Rewrite replaces.
type Change struct {
	Bases   map[int]string    // line of a FROM → image that its stage starts from
	Sources map[string]string // name in COPY --from and RUN --mount=…,from → image to take files from
	Hidden  map[string]bool   // arguments of stages whose declarations are removed
	Syntax  bool              // remove the line that names a frontend
}

// Rewrite returns the changed Dockerfile; every instruction keeps its line.
func (f *File) Rewrite(c Change) []byte {
	lines := append([]string(nil), f.lines...)
	if c.Syntax {
		dropSyntax(lines)
	}
	for _, st := range f.stages {
		if ref := c.Bases[st.Location[0].Start.Line]; ref != "" {
			from := "FROM "
			if st.Platform != "" {
				from += "--platform=" + st.Platform + " "
			}
			from += ref
			if st.Name != "" {
				from += " AS " + st.Name
			}
			replace(lines, st.Location, from)
		}
		for _, cmd := range st.Commands {
			for name, ref := range c.Sources {
				retarget(lines, cmd, name, ref)
			}
			if arg, ok := cmd.(*instructions.ArgCommand); ok {
				hide(lines, arg, c.Hidden)
			}
		}
	}
	return []byte(strings.Join(lines, ""))
}

// replace replaces an instruction by one line, and empties the lines that continue it.
func replace(lines []string, at []parser.Range, text string) {
	for _, r := range at {
		for n := r.Start.Line; n <= r.End.Line && n <= len(lines); n++ {
			lines[n-1] = text + end(lines[n-1])
			text = ""
		}
	}
}

// end returns the end of a line: nothing at the end of a file.
func end(line string) string {
	return line[len(strings.TrimRight(line, "\r\n")):]
}

// retarget changes the name that an instruction takes files from.
func retarget(lines []string, cmd instructions.Command, name, ref string) {
	var flag *regexp.Regexp
	switch c := cmd.(type) {
	case *instructions.CopyCommand:
		if c.From != name {
			return
		}
		flag = regexp.MustCompile(`(--from=)["']?` + regexp.QuoteMeta(name) + `["']?(\s)`)
	case *instructions.RunCommand:
		if !mountsFrom(c, name) {
			return
		}
		flag = regexp.MustCompile(`(--mount=\S*\bfrom=)` + regexp.QuoteMeta(name) + `([,\s"'])`)
	default:
		return
	}
	for _, r := range cmd.Location() {
		for n := r.Start.Line; n <= r.End.Line && n <= len(lines); n++ {
			lines[n-1] = flag.ReplaceAllString(lines[n-1], "${1}"+strings.ReplaceAll(ref, "$", "$$")+"${2}")
		}
	}
}

// hide removes arguments from their declaration.
func hide(lines []string, cmd *instructions.ArgCommand, hidden map[string]bool) {
	var remaining []string
	for _, arg := range cmd.Args {
		if !hidden[arg.Key] {
			remaining = append(remaining, arg.String())
		}
	}
	switch {
	case len(remaining) == len(cmd.Args):
	case len(remaining) == 0:
		replace(lines, cmd.Location(), "")
	default:
		replace(lines, cmd.Location(), "ARG "+strings.Join(remaining, " "))
	}
}

// Bakes returns the first line that writes the value of an argument into the image; 0 if none does. Commands that the
// build runs only see the value.
func (f *File) Bakes(name string) int {
	use := regexp.MustCompile(`\$(?:` + regexp.QuoteMeta(name) + `\b|\{` + regexp.QuoteMeta(name) + `\b)`)
	for _, st := range f.stages {
		for _, cmd := range st.Commands {
			switch cmd.(type) {
			case *instructions.RunCommand, *instructions.CmdCommand, *instructions.EntrypointCommand, *instructions.HealthCheckCommand, *instructions.ShellCommand:
				continue
			}
			for _, r := range cmd.Location() {
				for n := r.Start.Line; n <= r.End.Line && n <= len(f.lines); n++ {
					if use.MatchString(f.lines[n-1]) {
						return r.Start.Line
					}
				}
			}
		}
	}
	return 0
}

func mountsFrom(c *instructions.RunCommand, name string) bool {
	for _, m := range instructions.GetMounts(c) {
		if m.From == name {
			return true
		}
	}
	return false
}

// Syntax returns the frontend image that a Dockerfile requests in its first lines; "" if none.
func Syntax(content []byte) string {
	ref, _, _, _ := parser.DetectSyntax(content)
	return ref
}

// directive is a line that a parser reads before the first instruction: "# escape=`".
var directive = pattern.New("^#[ \t]*([a-zA-Z]+)[ \t]*=[ \t]*(.+?)[ \t]*\r?\n?$")

// dropSyntax removes the syntax line. A plain comment would end the directives, so a directive after it moves up into
// its place.
func dropSyntax(lines []string) {
	free := -1
	for i, line := range lines {
		m := directive.FindStringSubmatch(line)
		switch {
		case m == nil:
			return
		case strings.EqualFold(m[1], "syntax"):
			lines[i], free = "#"+end(line), i
		case free >= 0:
			lines[free], lines[i] = strings.TrimRight(line, "\r\n")+end(lines[free]), "#"+end(line)
			free = i
		}
	}
}

// feature is a part of the syntax that only newer frontends know.
type feature struct {
	name  string
	since int // first major version of Docker whose own frontend knows it
}

// Newest returns the feature that needs the newest engine, and the first major version of Docker that knows it. Zero
// means that Docker 20.10 does.
// Source: the release notes of moby/buildkit's dockerfile frontend and of Docker.
func (f *File) Newest() (name string, since int) {
	for _, st := range f.stages {
		for _, cmd := range st.Commands {
			if used := featureOf(cmd); used.since > since {
				name, since = used.name, used.since
			}
		}
	}
	return name, since
}

func featureOf(cmd instructions.Command) feature {
	switch c := cmd.(type) {
	case *instructions.RunCommand:
		return featureOfRun(c)
	case *instructions.CopyCommand:
		switch {
		case len(c.ExcludePatterns) > 0:
			return feature{"COPY --exclude", 29}
		case c.Parents:
			return feature{"COPY --parents", 29}
		case c.Link:
			return feature{"COPY --link", 23}
		case len(c.SourceContents) > 0:
			return feature{"a heredoc", 23}
		}
	case *instructions.AddCommand:
		switch {
		case len(c.ExcludePatterns) > 0:
			return feature{"ADD --exclude", 29}
		case c.Unpack != nil:
			return feature{"ADD --unpack", 29}
		case c.Checksum != "":
			return feature{"ADD --checksum", 25}
		case c.Link:
			return feature{"ADD --link", 23}
		case c.KeepGitDir != nil || gitSource(c.SourcePaths):
			return feature{"ADD of a git repository", 25}
		case len(c.SourceContents) > 0:
			return feature{"a heredoc", 23}
		}
	}
	return feature{}
}

func featureOfRun(c *instructions.RunCommand) feature {
	for _, m := range instructions.GetMounts(c) {
		if m.Env != nil {
			return feature{"a secret as a variable", 28}
		}
	}
	switch {
	case len(c.Files) > 0:
		return feature{"a heredoc", 23}
	case instructions.GetNetwork(c) != instructions.NetworkDefault:
		return feature{"RUN --network", 23}
	}
	return feature{}
}

func gitSource(paths []string) bool {
	for _, p := range paths {
		if strings.HasPrefix(p, "git@") || strings.HasPrefix(p, "git://") || strings.Contains(p, ".git#") || strings.HasSuffix(p, ".git") && strings.Contains(p, "://") {
			return true
		}
	}
	return false
}
