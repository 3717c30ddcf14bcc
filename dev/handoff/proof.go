package handoff

import (
	"fmt"
	"strings"
	"time"

	"sdev/dev"
)

// SmokeTest is what was seen when an image was started once, on the engine at hand, with a root that
// cannot be written to and nothing of this machine's: no mounts, no network, no credentials.
type SmokeTest struct {
	Image   string
	User    string   // that the image runs as; "" is root
	Scratch []string // directories that could be written to
	Port    int
	Health  string // address of the health check, as a path

	// NotStarted is why it could not be tried here; all below is empty then.
	NotStarted string

	Ended      bool // before a page was served
	ExitCode   int
	Waited     time.Duration // until the health check answered, or was given up
	Healthy    bool
	Page       string // why the page was not served; "" where it was
	Run        string // why its script did not run to its end; "" where it did
	Exceptions []PageException
	Output     []string // the last lines that it printed
}

// PageException is an exception that the page shows.
type PageException struct {
	Type, Message string
	Where         string // "code_package/streamlit/Home.py:12", "" where it is not known
}

// Pages that explain what a trial asks of an image.
const (
	docsReadOnly = "https://docs.docker.com/reference/cli/docker/container/run/#read-only"
	docsPort     = "https://docs.streamlit.io/develop/api-reference/configuration/config.toml#server"
	docsDeploy   = "https://docs.streamlit.io/deploy/concepts"
)

// readOnly are how programs say that a file system cannot be written to.
var readOnlyMessages = []string{"Read-only file system", "read-only file system", "Errno 30", "EROFS"}

// Judge says what a trial has shown. The ids of its findings are those of [ProofRules].
func (t SmokeTest) Judge() (Proof, []dev.Finding) {
	user := t.User
	if user == "" {
		user = "root"
	}
	p := Proof{Page: t.NotStarted == "" && t.Page == "" && t.Healthy, Health: t.Waited.Milliseconds(), ReadOnly: t.NotStarted == "", User: user}
	if !t.Healthy {
		p.Health = 0
	}
	find := func(id, message, fix string) []dev.Finding {
		f := dev.Finding{ID: id, Severity: severity(id), Message: message, Where: "image " + t.Image + ", started once", Fix: fix, Docs: docsDeploy}
		switch id {
		case proofPage:
			f.Docs = docsPort
		case proofWrite:
			f.Docs = docsReadOnly
		}
		return []dev.Finding{f}
	}
	write := "write to " + strings.Join(t.Scratch, " or ") + " (TMPDIR, HOME and caches can point there), or make the directory part of the image"
	switch {
	case t.NotStarted != "":
		return p, find(proofUntried, "it was not tried whether the image runs: "+t.NotStarted, "try it on an engine that can run it: sdev deploy TARGET --image REF")
	case t.wroteToRoot() && !p.Page:
		return p, find(proofWrite, "it writes to its own file system, which is read-only where it ships: "+t.decisiveLine(), write)
	case t.Ended:
		return p, find(proofPage, fmt.Sprintf("it ended with exit code %d before a page was served: %s", t.ExitCode, t.decisiveLine()), "see what it says with: docker run --rm --read-only --tmpfs /tmp "+t.Image)
	case !t.Healthy:
		return p, find(proofPage, fmt.Sprintf("port %d does not answer at %s after %d s: %s", t.Port, t.Health, int(t.Waited.Seconds()), t.decisiveLine()), "let Streamlit listen on 0.0.0.0 (server.address) and on that port (server.port), below that path (server.baseUrlPath)")
	case t.Page != "":
		return p, find(proofPage, "its health check answers and its page does not come: "+t.Page, "check server.baseUrlPath and what stands before Streamlit in the image")
	}
	return p, t.judgeRun(find, write)
}

// judgeRun is about a page that was served.
func (t SmokeTest) judgeRun(find func(id, message, fix string) []dev.Finding, write string) []dev.Finding {
	var out []dev.Finding
	if t.Run != "" {
		out = append(out, find(proofRun, "the page is served, and its script did not run to its end: "+t.Run, "see whether the first page waits for something that is not there without a network")...)
	}
	for _, r := range t.Exceptions {
		text := r.Type
		if r.Message != "" {
			text += ": " + r.Message
		}
		if r.Where != "" {
			text = r.Where + ": " + text
		}
		if containsAny(text, readOnlyMessages) {
			out = append(out, find(proofWrite, "its page writes to a file system that is read-only where it ships: "+text, write)...)
			continue
		}
		out = append(out, find(proofException, "the page is served, and raises without network and credentials: "+text, "nothing, where that is what is missing; else fix it")...)
	}
	return out
}

// Unproven is the finding of an image that was started before, and served no page then; fix is what tries
// it again.
func (i Image) Unproven(fix string) []dev.Finding {
	if i.Proof == nil || i.Proof.Page || !i.Proof.ReadOnly { // one that could not be started has proven nothing either way
		return nil
	}
	return []dev.Finding{{ID: proofPage, Severity: severity(proofPage), Where: "image " + i.Ref, Message: "it served no page when it was started at an earlier hand-off", Fix: fix, Docs: docsPort}}
}

func (t SmokeTest) wroteToRoot() bool {
	return containsAny(strings.Join(t.Output, "\n"), readOnlyMessages)
}

// last is the line that tells most of what the image printed: what speaks of a file system that cannot
// be written to, else the last one.
func (t SmokeTest) decisiveLine() string {
	text := "it printed nothing"
	for _, line := range t.Output {
		if strings.TrimSpace(line) == "" {
			continue
		}
		if text = strings.TrimSpace(line); containsAny(line, readOnlyMessages) {
			break
		}
	}
	return dev.Sanitize(text)
}

func containsAny(text string, substrings []string) bool {
	for _, substring := range substrings {
		if strings.Contains(text, substring) {
			return true
		}
	}
	return false
}

// The ids of what a trial can show.
const (
	proofPage      = "proof.page"
	proofWrite     = "proof.write"
	proofRun       = "proof.run"
	proofException = "proof.raised"
	proofUntried   = "proof.untried"
)

// ProofRule documents a finding of a trial.
type ProofRule struct {
	ID       string
	Severity dev.Severity
	About    string
}

// ProofRules are the findings that [Trial.Judge] makes, in the order in which help prints them.
func ProofRules() []ProofRule {
	return []ProofRule{
		{proofPage, dev.Blocks, "started once as it would be there, the image serves no page"},
		{proofWrite, dev.Blocks, "the image writes to its root, which is read-only where it ships"},
		{proofRun, dev.Warns, "the page is served, and its script does not come to its end"},
		{proofException, dev.Warns, "the page is served, and shows an exception: without network and credentials"},
		{proofUntried, dev.Warns, "the image cannot be started here, so nothing is proven"},
	}
}

func severity(id string) dev.Severity {
	for _, r := range ProofRules() {
		if r.ID == id {
			return r.Severity
		}
	}
	return dev.Warns
}
