package docker

import (
	"slices"
	"strconv"
	"strings"

	bk "github.com/moby/buildkit/client"
	"github.com/opencontainers/go-digest"

	"sdev/dev"
	"sdev/dev/pattern"
)

// progress turns BuildKit's vertex updates into build steps. BuildKit repeats a vertex after each change; progress
// reports a step when it starts and when it ends.
type progress struct {
	service string
	names   *strings.Replacer // replaces sdev's names of images by the user's
	emit    func(dev.Event)
	steps   map[digest.Digest]*step
	total   int // steps known so far
	shown   int // steps reported so far; a step's number is its position among them
	broken  []*step
}

type step struct {
	name    string
	number  int
	started bool
	done    bool
	output  tail // for an error message
	failure string
}

// keptLines is the number of lines of a failed step's output that an error shows.
const keptLines = 20

func newProgress(service string, names *strings.Replacer, emit func(dev.Event)) *progress {
	return &progress{service: service, names: names, emit: emit, steps: map[digest.Digest]*step{}}
}

// stepName matches the names that the Dockerfile frontend gives to steps: "[dev 3/7] RUN pip install …".
var stepName = pattern.New(`^\[(?:([^\]]*?) +)?(\d+)/(\d+)\] (.*)$`)

func (p *progress) update(s *bk.SolveStatus) {
	for _, v := range s.Vertexes {
		p.vertex(v)
	}
	for _, l := range s.Logs {
		if st := p.steps[l.Vertex]; st != nil {
			st.output.add(string(l.Data))
		}
	}
}

func (p *progress) vertex(v *bk.Vertex) {
	st := p.steps[v.Digest]
	if st == nil {
		st = &step{name: p.names.Replace(v.Name)}
		p.steps[v.Digest] = st
		if stepName.MatchString(v.Name) {
			p.total++
		}
	}
	if v.Error != "" && !strings.Contains(v.Error, "context canceled") {
		st.failure = v.Error
		p.broken = append(p.broken, st)
	}
	if !stepName.MatchString(v.Name) {
		return // BuildKit's internal steps: loading definitions, exporting
	}
	if st.number == 0 && v.Started != nil {
		p.shown++
		st.number = p.shown
	}
	switch {
	case v.Completed != nil && !st.done:
		st.done = true
		ms := int64(0)
		if v.Started != nil {
			ms = v.Completed.Sub(*v.Started).Milliseconds()
		}
		p.emit(dev.BuildStep{Service: p.service, Step: st.number, Total: p.total, Text: st.text(), MS: max(ms, 1), Cached: v.Cached})
	case v.Started != nil && !st.started && !st.done && !v.Cached:
		p.emit(dev.BuildStep{Service: p.service, Step: st.number, Total: p.total, Text: st.text()})
	}
	st.started = st.started || v.Started != nil
}

// text returns the step's instruction, after the name of its stage if it has one.
func (s *step) text() string {
	m := stepName.FindStringSubmatch(s.name)
	if m == nil {
		return s.name
	}
	if m[1] == "" {
		return m[4]
	}
	return m[1] + ": " + m[4]
}

// tail collects the end of a step's output.
type tail struct {
	lines        []string
	unterminated string
}

func (t *tail) add(data string) {
	lines := strings.Split(t.unterminated+data, "\n")
	t.unterminated = lines[len(lines)-1]
	for _, l := range lines[:len(lines)-1] {
		if l = dev.Sanitize(l); l != "" {
			t.lines = append(t.lines, l)
		}
	}
	if extra := len(t.lines) - keptLines; extra > 0 {
		t.lines = t.lines[extra:]
	}
}

func (t *tail) all() []string {
	if t.unterminated == "" {
		return t.lines
	}
	return append(slices.Clone(t.lines), dev.Sanitize(t.unterminated))
}

// failure returns the step that made a build fail and the end of its output; "" if no step failed. Steps that run at the
// same time may all fail: the error of the build is that of one of them.
func (p *progress) failure(err error) (name string, output []string) {
	if len(p.broken) == 0 {
		return "", nil
	}
	broken := p.broken[len(p.broken)-1]
	if i := slices.IndexFunc(p.broken, func(s *step) bool { return strings.Contains(err.Error(), s.failure) }); i >= 0 {
		broken = p.broken[i]
	}
	output = broken.output.all()
	if broken.number == 0 {
		return broken.name, output
	}
	return strconv.Itoa(broken.number) + ", " + broken.text(), output
}
