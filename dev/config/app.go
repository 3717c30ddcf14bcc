package config

import (
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"

	"sdev/dev"
)

// Candidate is a service that may be the Streamlit app.
type Candidate struct {
	Service string
	Script  string // of the project, that Streamlit runs there; "" if it is unknown
	Why     string
	File    string // where that is said
	Line    int
	Sure    int // how sure it is; the surest of several is the app
}

// source is the reason with its place.
func (c Candidate) source() string {
	if c.File == "" {
		return c.Why
	}
	return fmt.Sprintf("%s (%s:%d)", c.Why, c.File, c.Line)
}

// String is the service and the reason in one line.
func (c Candidate) String() string { return dev.Line("%s: %s", c.Service, c.source()) }

// UserChose is the value of [Project].AppWhy if the user chose the app just now.
const UserChose = "you chose it"

// choice is the service and the script that make the app, each with the reason.
type choice struct{ app, appWhy, entry, entryWhy string }

// findApp chooses the service that is the Streamlit app, and the script if that is not the one of the service's command.
func (p *Project) findApp(o Options) (choice, error) {
	out := choice{}
	var earlierEntry string
	earlier := ""
	if o.Earlier != nil {
		earlier, earlierEntry = o.Earlier(p.Dir)
	}
	if _, active := p.Model.Services[earlier]; !active {
		earlier, earlierEntry = "", ""
	}
	entry := p.entryPath(o.Entry)
	switch {
	case o.App != "":
		out.app, out.appWhy = o.App, "--app"
	case entry != "" && p.runs(o, entry) != "":
		// Its own command starts the script, perhaps with more than that.
		return choice{app: p.runs(o, entry), appWhy: "it runs " + entry + ", which --entry names"}, nil
	case earlier != "":
		out.app, out.appWhy = earlier, "it was chosen before"
	case p.Settings.App != "":
		out.app, out.appWhy = p.Settings.App, "x-sdev.app"
	default:
		var err error
		if out.app, out.appWhy, err = p.detectApp(o); err != nil {
			return choice{}, err
		}
	}
	if _, active := p.Model.Services[out.app]; !active {
		return choice{}, p.inactive(out)
	}
	switch {
	case entry != "":
		out.entry, out.entryWhy = entry, "--entry"
	case earlierEntry != "" && out.app == earlier:
		out.entry, out.entryWhy = earlierEntry, "it was chosen before"
	case p.Settings.App == "" || p.Settings.App == out.app: // the setting is not for another app
		out.entry, out.entryWhy = p.Settings.Entry, "x-sdev.entry"
	}
	return out, nil
}

// entryPath is the value of --entry relative to the project, with slashes.
func (p *Project) entryPath(entry string) string {
	if entry == "" {
		return ""
	}
	if filepath.IsAbs(entry) {
		if rel, ok := p.relative(entry); ok {
			return rel
		}
	}
	return path.Clean(filepath.ToSlash(entry))
}

// runs is the only service that runs a script; "" if none does, or several do.
func (p *Project) runs(o Options, script string) string {
	found := ""
	for _, c := range p.candidates(o) {
		switch {
		case c.Script != script:
		case found != "":
			return ""
		default:
			found = c.Service
		}
	}
	return found
}

// inactive is the error for a chosen service that does not run.
func (p *Project) inactive(c choice) error {
	hint := "active services: " + strings.Join(p.Model.ServiceNames(), ", ")
	if of := p.sources.profilesOf(c.app); len(of) > 0 {
		hint = c.app + " belongs to a profile: add --profile " + of[0]
	}
	if c.appWhy == "--app" {
		return dev.UsageError(fmt.Sprintf("--app is %q, which is not an active service of %s", c.app, p.mainFile()), hint)
	}
	file, line := p.sources.locate("x-sdev", "app")
	return bad(dev.CodeXSdev, file, line, fmt.Sprintf("x-sdev.app is %q, which is not an active service", c.app), hint)
}

// candidates are the services that may be the app.
func (p *Project) candidates(o Options) []Candidate {
	if o.Candidates == nil {
		return p.namedCandidates()
	}
	var starts []Start
	for _, name := range p.Model.ServiceNames() {
		starts = append(starts, p.Start(name))
	}
	return o.Candidates(p.Dir, starts)
}

// namedCandidates are those whose name, image or command contains the word.
func (p *Project) namedCandidates() []Candidate {
	var out []Candidate
	for _, name := range p.Model.ServiceNames() {
		if s := p.Model.Services[name]; looksLikeStreamlit(s) {
			c := Candidate{Service: name, Why: "its name, image or command contains \"streamlit\"", Sure: 1}
			c.File, c.Line = p.sources.locate("services", name)
			out = append(out, c)
		}
	}
	return out
}

// isPlain reports whether the names in the compose file alone make sure that a service is the app: no other service runs
// code of the project.
func (p *Project) isPlain(name string) bool {
	image := p.Model.Services[name].Image
	for _, other := range p.Model.Services {
		if other.Name != name && (other.Build != nil || other.Image == image || len(sourceMounts(p, other)) > 0) {
			return false
		}
	}
	return true
}

// detectApp finds the service that is the app, if no one has named it.
func (p *Project) detectApp(o Options) (name, why string, err error) {
	found := p.namedCandidates()
	if len(found) == 1 && p.isPlain(found[0].Service) {
		return found[0].Service, found[0].Why, nil
	}
	if o.Candidates != nil || len(found) == 0 {
		found = surest(p.candidates(o))
	}
	if len(found) == 1 {
		return found[0].Service, found[0].source(), nil
	}
	if c, ok := localVariant(found); ok {
		return c.Service, "the service for local development", nil
	}
	switch names := p.Model.ServiceNames(); {
	case len(found) == 0 && inactiveApp(p) != nil:
		return "", "", inactiveApp(p)
	case len(found) == 0 && len(names) == 1:
		return names[0], "the only service", nil
	case len(found) == 0:
		for _, name := range names {
			c := Candidate{Service: name, Why: "a service of the compose file"}
			c.File, c.Line = p.sources.locate("services", name)
			found = append(found, c)
		}
		if name := o.ask(found); name != "" {
			return name, UserChose, nil
		}
		return "", "", bad(dev.CodeAppMissing, p.mainFile(), p.mainLine(), "cannot tell which service is the Streamlit app: nothing in "+strings.Join(names, ", ")+" starts or mentions Streamlit",
			"name it: --app NAME, or in the compose file: x-sdev: {app: NAME}")
	}
	if name := o.ask(found); name != "" {
		return name, UserChose, nil
	}
	var b strings.Builder
	b.WriteString("several services could be the Streamlit app:")
	for _, c := range found {
		b.WriteString("\n  " + dev.Line("--app %s: %s", c.Service, c.source()))
	}
	return "", "", bad(dev.CodeAppMissing, p.mainFile(), p.mainLine(), b.String(),
		dev.Line("choose one, for example: --app %s (sdev up remembers it); the others run beside it. To keep it in the compose file: x-sdev: {app: %[1]s}", found[0].Service))
}

func (o Options) ask(candidates []Candidate) string {
	if o.Ask == nil {
		return ""
	}
	return o.Ask(candidates)
}

// surest are the candidates with the strongest reasons.
func surest(all []Candidate) []Candidate {
	most := 0
	for _, c := range all {
		most = max(most, c.Sure)
	}
	return slices.DeleteFunc(slices.Clone(all), func(c Candidate) bool { return c.Sure < most })
}

// localVariants are the suffixes of services that are the local form of another one.
func localVariants() []string {
	return []string{"-local", "_local", "-dev", "_dev", "-development"}
}

// localVariant returns the local form if there are only that and the deployed one, or if it has the name that the
// scaffold gives it.
func localVariant(found []Candidate) (Candidate, bool) {
	for _, c := range found {
		if c.Service == "streamlit-local" {
			return c, true
		}
		for _, suffix := range localVariants() {
			base, ok := strings.CutSuffix(c.Service, suffix)
			if ok && len(found) == 2 && slices.ContainsFunc(found, func(o Candidate) bool { return o.Service == base }) {
				return c, true
			}
		}
	}
	return Candidate{}, false
}

// mainFile is the compose file that the others override, as it is shown.
func (p *Project) mainFile() string {
	for _, s := range p.sources {
		if !s.nested {
			return s.path
		}
	}
	return ""
}

// mainLine is the line of its services; 0 if it has none.
func (p *Project) mainLine() int {
	for _, s := range p.sources {
		if s.nested {
			continue
		}
		if at, ok := s.find("services"); ok {
			return at.key.Line
		}
		break
	}
	return 0
}

func looksLikeStreamlit(s types.ServiceConfig) bool {
	text := strings.Join(append(append([]string{s.Name, s.Image}, s.Command...), s.Entrypoint...), " ")
	return strings.Contains(strings.ToLower(text), "streamlit")
}
