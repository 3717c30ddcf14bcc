package detect

import (
	"cmp"
	"path"
	"slices"
	"strings"

	"sdev/dev/pattern"
)

// Launch is how the container of a compose service starts. Paths of the tree are relative to it, with slashes.
type Launch struct {
	Service    string
	Image      string
	Entrypoint []string // nil: the image's
	Command    []string // nil: the image's, unless there is an Entrypoint
	Workdir    string   // "": the image's
	Env        map[string]string
	Ports      []int // of the container

	Context    string // of the build; "": it is not built
	Dockerfile string // relative to Context
	Inline     string // the text of a Dockerfile in the compose file; "": there is a file
	Target     string
	Mounts     []Mount

	File        string // the compose file
	Line        int    // of the service
	CommandLine int    // of its command
}

// Candidate is a service that may be the Streamlit app.
type Candidate struct {
	Service string
	Script  string // of the tree, that Streamlit runs there; "" if it is unknown
	Why     Fact
	Sure    int // how sure that is; the surest of several is the app
}

// How sure the reasons for a service are.
const (
	sureName    = iota + 1 // its name, its image or a port
	sureSource             // the source that it is built from
	sureImage              // a Dockerfile that mentions Streamlit
	sureCommand            // a command that mentions Streamlit
	sureRuns               // a command that runs Streamlit
)

// Candidates returns the services that may be the app, in their order.
func (f *Findings) Candidates(services []Launch) []Candidate {
	var out []Candidate
	for _, l := range services {
		if c := candidate(f.tree, l); c.Sure > 0 {
			out = append(out, c)
		}
	}
	return out
}

// Started returns the script of the tree that Streamlit runs in a service; ok is false if that is unknown.
func (f *Findings) Started(l Launch) (script Fact, ok bool) {
	c := candidate(f.tree, l)
	out := c.Why
	out.Value = c.Script
	return out, c.Script != ""
}

// commandOf returns the container of a service, and the command that runs in it.
func commandOf(t *tree, l Launch) (container, Fact) {
	c := container{t: t, context: ".", env: map[string]string{}}
	var image Dockerfile
	if l.Context != "" {
		c.context = l.Context
		if name := path.Join(l.Context, l.Dockerfile); l.Inline != "" {
			image = l.inlineDockerfile(t)
			c = containerOf(t, image, l.Context).withEnv()
		} else if t.has(name) {
			image = readDockerfile(t, name, l.Target)
			c = containerOf(t, image, l.Context).withEnv()
		}
	}
	for name, value := range l.Env {
		c.env[name] = value
	}
	c.mounts = slices.Clone(l.Mounts)
	slices.SortStableFunc(c.mounts, func(a, b Mount) int { return len(b.To) - len(a.To) })
	if l.Workdir != "" {
		c.dir = path.Join("/", c.dir, l.Workdir)
		if path.IsAbs(l.Workdir) {
			c.dir = path.Clean(l.Workdir)
		}
	}
	own := func(list []string, why string) Fact {
		return Fact{Value: joined(list), Why: why, File: l.File, Line: cmp.Or(l.CommandLine, l.Line)}
	}
	entrypoint, arguments := image.entrypoint, image.arguments
	if l.Entrypoint != nil {
		entrypoint, arguments = own(l.Entrypoint, "entrypoint"), Fact{}
	}
	if l.Command != nil {
		arguments = own(l.Command, "command")
	}
	return c, joinedFact(entrypoint, arguments)
}

// inlineDockerfile reads the Dockerfile in a compose file. Its places are that of the service: the lines of the text are
// not those of the file.
func (l Launch) inlineDockerfile(t *tree) Dockerfile {
	d := parseDockerfile(t, l.File, l.Inline, l.Target)
	for _, f := range []*Fact{&d.entrypoint, &d.arguments, &d.Command, &d.Base, &d.Python, &d.User, &d.PythonPath} {
		if f.Line > 0 {
			f.Line = l.Line
		}
	}
	return d
}

// candidate says why a service may be the app; Sure is 0 if it is none.
func candidate(t *tree, l Launch) Candidate {
	c, command := commandOf(t, l)
	because := func(sure int, why, file string, line int) Candidate {
		return Candidate{Service: l.Service, Why: Fact{Value: l.Service, Why: why, File: file, Line: line}, Sure: sure}
	}
	if runs := c.runs(command.Value, command.File, command.Line); len(runs) > 0 {
		r := runs[0]
		if i := slices.IndexFunc(runs, func(r run) bool { return r.path != "" }); i >= 0 {
			r = runs[i]
		}
		why := "its command runs Streamlit"
		if command.File != l.File {
			why = "its image, built from " + command.File + ", runs Streamlit"
		}
		if r.file != command.File {
			why = "its command starts " + r.file + ", which runs Streamlit"
		}
		out := because(sureRuns, why, r.file, r.line)
		out.Script = r.path
		return out
	}
	if strings.Contains(strings.ToLower(command.Value), "streamlit") {
		return because(sureCommand, "its command mentions Streamlit", command.File, command.Line)
	}
	if startsOther(command.Value) || l.Context == "" && isOtherImage(l.Image) {
		return Candidate{}
	}
	return weaker(t, l, command, because)
}

// weaker says why a service may be the app if its command does not tell.
func weaker(t *tree, l Launch, command Fact, because func(sure int, why, file string, line int) Candidate) Candidate {
	// A command of the compose file replaces the image's, unless it is a script that only the image has.
	replaced := command.Value != "" && command.File == l.File && !strings.Contains(command.Value, ".sh")
	if name := path.Join(l.Context, l.Dockerfile); l.Context != "" && l.Inline == "" && t.has(name) && !replaced {
		for _, row := range t.lines(name) {
			if strings.Contains(strings.ToLower(row.text), "streamlit") && !strings.HasPrefix(strings.TrimSpace(row.text), "#") {
				return because(sureImage, "it is built from "+name+", which mentions Streamlit", name, row.n)
			}
		}
	}
	for name := range l.Env {
		if strings.HasPrefix(name, "STREAMLIT_") {
			return because(sureImage, "its environment sets "+name, l.File, l.Line)
		}
	}
	dirs := []string{l.Context}
	for _, m := range l.Mounts {
		dirs = append(dirs, m.From)
	}
	for _, dir := range dirs {
		if dir == "" || dir == "." || replaced {
			continue // everything is in the tree itself
		}
		for _, name := range t.pythonFiles() {
			if below(dir, name) && !isTest(name) && t.module(name).importsStreamlit() > 0 {
				return because(sureSource, "the source in "+dir+" imports Streamlit", name, t.module(name).importsStreamlit())
			}
		}
	}
	const streamlitPort = 8501
	switch {
	case strings.Contains(strings.ToLower(l.Service+" "+l.Image), "streamlit"):
		return because(sureName, "its name or image mentions Streamlit", l.File, l.Line)
	case slices.Contains(l.Ports, streamlitPort):
		return because(sureName, "it has Streamlit's port 8501", l.File, l.Line)
	}
	return Candidate{}
}

// below reports whether a file is in a directory of the tree.
func below(dir, name string) bool { return dir == "." || strings.HasPrefix(name, dir+"/") }

// otherCommand is a command of another program.
var otherCommand = pattern.New(`(?:^|[\s"'\[/,])(?:uvicorn|gunicorn|hypercorn|daphne|waitress-serve|celery|flask|fastapi|django-admin|jupyter|jupyter-lab|mlflow|airflow|dagster|prefect|rq|npm|yarn|pnpm|node|npx|java|nginx|caddy|redis-server|postgres|mysqld|ollama)(?:$|[\s"'\],])|manage\.py`)

// startsOther reports whether a command starts a server or worker that is no Streamlit.
func startsOther(command string) bool { return otherCommand.MatchString(command) }

// otherImage is an image of a program that everybody runs beside an app.
var otherImage = pattern.New(`^(?:.*/)?(?:postgres|postgis|pgvector|timescaledb|mysql|mariadb|mongo|redis|valkey|memcached|nginx|nginx-proxy|traefik|caddy|haproxy|httpd|rabbitmq|kafka|zookeeper|elasticsearch|opensearch|kibana|grafana|prometheus|jaeger|all-in-one|minio|localstack|adminer|pgadmin4|mongo-express|ollama|qdrant|chroma|weaviate|neo4j|keycloak|dex|oauth2-proxy|mailhog|mailpit|busybox|alpine|cloudflared|vault|consul|clickhouse-server|influxdb|dynamodb-local|chrome|selenium)(?::.*|@.*)?$`)

func isOtherImage(image string) bool { return otherImage.MatchString(image) }
