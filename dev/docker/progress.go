package docker

import (
	"regexp"
	"strconv"
	"strings"

	bk "github.com/moby/buildkit/client"
	"github.com/opencontainers/go-digest"

	"sdev/dev"
)

// progress turns BuildKit's vertex updates into build steps. BuildKit repeats a vertex each time
// anything about it changes; a step is told when it starts and when it ends.
type progress struct {
	service string
	emit    func(dev.Event)
	steps   map[digest.Digest]*step
	total   int // steps known so far
	shown   int // steps told so far; a step's number is its place among them
	broken  *step
}

type step struct {
	name         string
	number       int
	started      bool
	done         bool
	output       []string // the last lines, for an error message
	unterminated string
}

// keptLines is how much of a failing step's output an error shows.
const keptLines = 20

func newProgress(service string, emit func(dev.Event)) *progress {
	return &progress{service: service, emit: emit, steps: map[digest.Digest]*step{}}
}

// stepName is how the Dockerfile frontend names vertices: "[dev 3/7] RUN pip install …".
var stepName = regexp.MustCompile(`^\[(?:([^\]]*) )?(\d+)/(\d+)\] (.*)$`)

func (p *progress) update(s *bk.SolveStatus) {
	for _, v := range s.Vertexes {
		p.vertex(v)
	}
	for _, l := range s.Logs {
		if st := p.steps[l.Vertex]; st != nil {
			p.log(st, string(l.Data))
		}
	}
}

func (p *progress) vertex(v *bk.Vertex) {
	st := p.steps[v.Digest]
	if st == nil {
		st = &step{name: v.Name}
		p.steps[v.Digest] = st
		if stepName.MatchString(v.Name) {
			p.total++
		}
	}
	if v.Error != "" && !strings.Contains(v.Error, "context canceled") {
		p.broken = st
	}
	if !stepName.MatchString(v.Name) {
		return // BuildKit's own errands: loading definitions, exporting
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

// text is the step as the Dockerfile has it, with its stage.
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

func (p *progress) log(st *step, data string) {
	lines := strings.Split(st.unterminated+data, "\n")
	st.unterminated = lines[len(lines)-1]
	for _, l := range lines[:len(lines)-1] {
		if l = dev.Printable(l); l != "" {
			st.output = append(st.output, l)
		}
	}
	if extra := len(st.output) - keptLines; extra > 0 {
		st.output = st.output[extra:]
	}
}

// failure is the step that failed and the end of its output.
func (p *progress) failure() (name string, tail []string) {
	if p.broken == nil {
		return "", nil
	}
	tail = p.broken.output
	if p.broken.unterminated != "" {
		tail = append(tail, dev.Printable(p.broken.unterminated))
	}
	if p.broken.number == 0 {
		return p.broken.name, tail
	}
	return strconv.Itoa(p.broken.number) + ", " + p.broken.text(), tail
}
