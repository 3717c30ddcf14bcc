package preflight

import (
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
	"go.yaml.in/yaml/v4"

	"sdev/dev"
)

var (
	// bypassCode is an assignment in Python, from the program itself or for one that it starts.
	bypassCode = lazily(`environ\[["']LOCAL_STREAMLIT["']\]\s*=[^=]|environ\.setdefault\(\s*(?:key\s*=\s*)?["']LOCAL_STREAMLIT["']|putenv\(\s*["']LOCAL_STREAMLIT["']` +
		`|(?:update|dict)\([^()]*\bLOCAL_STREAMLIT\s*=[^=]|["']LOCAL_STREAMLIT["']\s*:\s*(?:["'][^"']|True\b|\d)|(?:environ\.get|getenv)\(\s*["']LOCAL_STREAMLIT["']\s*,\s*["'](?i:1|true|yes|on)["']`)
	// bypassOld is the form that ENV had first, without an equals sign.
	bypassOld = lazily(`(?mi)^[ \t]*ENV[ \t]+LOCAL_STREAMLIT[ \t]+\S`)
	// bypassDefault is how a shell sets what is not set.
	bypassDefault = lazily(`\$\{LOCAL_STREAMLIT:?=[^}\s]`)
	// deploys tells what brings something to a platform from what runs tests.
	deploys = lazily(`(?i)(?:docker|podman|image) push|build-push-action|buildx build[^\n]*--push|push:\s*true|kaniko|amazon-ecs|update-service|register-task-definition|ecr-login|ecs deploy|copilot (?:svc )?deploy|eb deploy|sam deploy|cdk deploy` +
		`|gcloud (?:run|app|builds)|wrangler|snow streamlit|terraform apply|pulumi up|fly(?:ctl)? deploy|az (?:containerapp|webapp|acr)|kubectl (?:apply|set)|helm (?:upgrade|install)|stack deploy|heroku container|railway up`)
)

// bypassIn gives where a file that ships, or that something is shipped by, switches the login off, and
// which rule is about that; "" where none is.
func (c *check) bypassIn(name, text string) (id string, found []match) {
	base := path.Base(name)
	switch {
	case isTest(name), isProse(name), isAboutMachine(name):
	case isDockerfile(base):
		if c.App.Steps == nil {
			return "bypass.dockerfile", slices.Concat(setsBypass(name, text), bypassOld.matches(text))
		}
	case isPipeline(name):
		return "bypass.workflow", deploying(text, setsBypass(name, text))
	case isPlatform(name, text):
		return "bypass.task", setsBypass(name, text)
	case slices.Contains(c.scripts(), name):
		return "bypass.code", slices.DeleteFunc(setsBypass(name, text), func(m match) bool {
			return slices.ContainsFunc(c.App.Bypassed, func(s Setting) bool { return s.File == name && s.Line == m.line })
		})
	case slices.Contains(c.started(), name):
		return "bypass.start", slices.Concat(setsBypass(name, text), bypassDefault.matches(text))
	case isComposeFile(base):
		if isForPlatform(base) && !slices.Contains(c.ComposeFiles, name) {
			return "bypass.compose", bypassSet.matches(text)
		}
	case path.Ext(base) == ".py": // of nothing that starts
	case slices.Contains([]string{".json", ".yml", ".yaml"}, path.Ext(base)):
		return "bypass.task", valued(text, bypassPair.matches(text))
	default:
		return "bypass.workflow", slices.DeleteFunc(setsBypass(name, text), func(m match) bool { return !deploys.in(statement(text, m.line)) })
	}
	return "", nil
}

// isAboutMachine says that a file is for development, by the name of it or of a folder that it is in.
func isAboutMachine(name string) bool {
	return slices.ContainsFunc(strings.Split(name, "/"), func(part string) bool {
		return isForDevelopment(part) || slices.Contains([]string{".devcontainer", ".vscode", ".idea"}, part)
	})
}

// isPipeline knows the files of services that build and deploy.
func isPipeline(name string) bool {
	base := path.Base(name)
	return path.Dir(name) == ".github/workflows" || strings.HasPrefix(name, ".github/actions/") || name == ".circleci/config.yml" ||
		slices.Contains([]string{".gitlab-ci.yml", "bitbucket-pipelines.yml", "azure-pipelines.yml", "Jenkinsfile", "cloudbuild.yaml", "cloudbuild.yml", "buildspec.yml"}, base)
}

var kubernetes = regexp.MustCompile(`(?m)^apiVersion:`)

// isPlatform says that a file tells a platform what to run.
func isPlatform(name, text string) bool {
	switch path.Ext(name) {
	case ".tf", ".hcl", ".ts":
		return true
	case ".yml", ".yaml":
		return kubernetes.MatchString(text)
	}
	return strings.Contains(text, "containerDefinitions")
}

func isComposeFile(base string) bool {
	ext := path.Ext(base)
	return (ext == ".yml" || ext == ".yaml") && (strings.HasPrefix(base, "docker-compose") || strings.HasPrefix(base, "compose"))
}

// isForPlatform tells by the base name that a compose file is for a machine of the app's users.
func isForPlatform(base string) bool {
	return slices.ContainsFunc(strings.FieldsFunc(strings.ToLower(base), func(r rune) bool { return r == '.' || r == '-' || r == '_' }), func(word string) bool {
		return slices.Contains([]string{"prod", "production", "staging", "release", "deploy", "live"}, word)
	})
}

// valued leaves the pairs that have a value beside them: others only speak of the variable.
func valued(text string, pairs []match) []match {
	lines := strings.Split(text, "\n")
	return slices.DeleteFunc(pairs, func(m match) bool {
		return !strings.Contains(strings.ToLower(strings.Join(lines[max(0, m.line-3):min(len(lines), m.line+2)], "\n")), "value")
	})
}

// deploying leaves what stands in a job that deploys, or in none where one does; and arguments of a
// build whose image another job may push.
func deploying(text string, found []match) []match {
	if !deploys.in(text) {
		return nil
	}
	jobs := jobLines(text)
	lines := strings.Split(text, "\n")
	return slices.DeleteFunc(found, func(m match) bool {
		for _, job := range jobs {
			if job[0] <= m.line && m.line < job[1] {
				return !deploys.in(strings.Join(lines[job[0]-1:min(len(lines), job[1]-1)], "\n")) && !strings.Contains(statement(text, m.line), "build-arg")
			}
		}
		return false
	})
}

// jobLines are the lines that the jobs of a workflow stand on, from one to before another.
func jobLines(text string) (out [][2]int) {
	var doc yaml.Node
	if yaml.Unmarshal([]byte(text), &doc) != nil || len(doc.Content) == 0 {
		return nil
	}
	jobs := under(doc.Content[0], "jobs")
	if jobs == nil || jobs.Kind != yaml.MappingNode {
		return nil
	}
	end := 1 + len(strings.Split(text, "\n"))
	for i := 0; i+1 < len(doc.Content[0].Content); i += 2 { // what follows the jobs is in none
		if line := doc.Content[0].Content[i].Line; line > jobs.Line {
			end = min(end, line)
		}
	}
	for i := 0; i+1 < len(jobs.Content); i += 2 {
		until := end
		if i+2 < len(jobs.Content) {
			until = jobs.Content[i+2].Line
		}
		out = append(out, [2]int{jobs.Content[i].Line, until})
	}
	return out
}

// statement is the line of a text with those that continue it by a backslash.
func statement(text string, line int) string {
	lines := strings.Split(text, "\n")
	continued := func(i int) bool { return strings.HasSuffix(strings.TrimRight(lines[i], " \r"), `\`) }
	from, to := line-1, line-1
	for from > 0 && continued(from-1) {
		from--
	}
	for to+1 < len(lines) && continued(to) {
		to++
	}
	return strings.Join(lines[from:to+1], "\n")
}

var notInPaths = regexp.MustCompile(`[^\w./-]+`)

// started are the files of the project that run, or are read, when what ships starts: those that its
// command names, and those that these name.
func (c *check) started() []string {
	if c.startedOnce != nil {
		return c.startedOnce
	}
	w := startWalk{files: c.files, named: map[string][]string{}, found: map[string]bool{}}
	for _, name := range c.names() {
		w.named[path.Base(name)] = append(w.named[path.Base(name)], name)
	}
	for _, s := range c.App.Steps {
		if verb, rest, _ := strings.Cut(s.Value, " "); verb == "CMD" || verb == "ENTRYPOINT" {
			w.take(strings.TrimLeft(rest, `[ "`), true)
		}
	}
	w.take(strings.Join(c.App.Command, " "), true)
	if text, ok := c.files["Procfile"]; ok {
		w.found["Procfile"] = true
		w.take(text, false)
	}
	c.startedOnce = slices.AppendSeq([]string{}, maps.Keys(w.found)) // never nil: known from now on
	slices.Sort(c.startedOnce)
	return c.startedOnce
}

// startWalk goes from what starts to what that names.
type startWalk struct {
	files map[string]string   // texts by name
	named map[string][]string // names by their last part
	found map[string]bool
}

// take looks for names of files in a text. The first word of a command needs no slash or dot to be one.
func (w *startWalk) take(text string, command bool) {
	for i, word := range notInPaths.Split(text, -1) {
		if !strings.ContainsAny(word, "./") && (!command || i > 0) {
			continue // it may be anything
		}
		for _, name := range w.named[path.Base(word)] {
			w.add(name)
		}
	}
}

func (w *startWalk) add(name string) {
	if w.found[name] || isTest(name) {
		return
	}
	w.found[name] = true
	if path.Ext(name) != ".py" {
		w.take(w.files[name], false)
	}
}

// bypassInService looks at what a compose service runs, and at a Dockerfile that is written into it.
func (c *check) bypassInService(s types.ServiceConfig) {
	for _, part := range []struct {
		key   string
		words []string
	}{{"entrypoint", s.Entrypoint}, {"command", s.Command}} {
		if bypassSet.in(strings.Join(part.words, " ")) {
			c.add("bypass.compose", c.inCompose(part.key), "the %s of service %s sets %s", part.key, c.Service, bypassVariable)
		}
	}
	if s.Build == nil {
		return
	}
	for line := range strings.Lines(s.Build.DockerfileInline) {
		if !strings.HasPrefix(strings.ToUpper(strings.TrimSpace(line)), "ARG ") && (bypassSet.in(line) || bypassOld.in(line)) {
			c.add("bypass.dockerfile", c.inCompose("dockerfile_inline"), "%s is set: any value switches the login off, even 0", bypassVariable)
		}
	}
}

// bypassCopied looks at settings and scripts that the image takes in without starting them.
func (c *check) bypassCopied(name, text string) {
	switch path.Base(name) {
	case "pytest.ini", "tox.ini", "setup.cfg": // of tests
		return
	}
	if path.Ext(name) == ".py" || !startsApp("/"+name) || isPattern(name) || isAboutMachine(name) || isTest(name) || !c.isCopied(name) {
		return
	}
	for _, m := range setsBypass(name, text) {
		c.weighed("bypass.start", dev.Warns, place{file: name, line: m.line}, "name it in .dockerignore", "%s is in the image and sets %s for what reads it", path.Base(name), bypassVariable)
	}
}

// isCopied says that the image takes a file of the project.
func (c *check) isCopied(name string) bool {
	inner := name
	if folder := path.Clean(c.App.Context); folder != "." {
		var ok bool
		if inner, ok = strings.CutPrefix(name, folder+"/"); !ok {
			return false
		}
	}
	return slices.ContainsFunc(c.App.Copies, func(cp Copy) bool { return takes(cp.From, inner) }) && !c.ignored()(inner)
}

// isPattern says that a file shows how one of settings is written.
func isPattern(name string) bool {
	return slices.Contains([]string{".example", ".sample", ".template", ".dist", ".tmpl"}, path.Ext(name))
}
