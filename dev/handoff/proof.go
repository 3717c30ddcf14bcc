package handoff

import (
	"fmt"
	"strings"
	"time"

	"sdev/dev"
)

// SmokeTest is what happened when an image was started once: with a read-only root, and without mounts, network and
// credentials.
type SmokeTest struct {
	Image   string
	User    string   // that the image runs as; "" is root
	Scratch []string // the only writable directories
	Port    int
	Health  string // path of the health check

	// NotStarted is why this container engine cannot run the image; the fields below are empty then.
	NotStarted string

	Ended      bool // before it served a page
	ExitCode   int
	Waited     time.Duration // until the health check answered, or sdev gave up
	Healthy    bool
	Page       string // why it served no page; "" if it served one
	Run        string // why the page's script did not finish; "" if it did
	Exceptions []PageException
	Output     []string // the last lines that it printed
}

// PageException is an exception that the page shows.
type PageException struct {
	Type, Message string
	Where         string // "code_package/streamlit/Home.py:12"; "" if it is unknown
}

// Documentation of what a smoke test requires of an image.
const (
	docsReadOnly = "https://docs.docker.com/reference/cli/docker/container/run/#read-only"
	docsPort     = "https://docs.streamlit.io/develop/api-reference/configuration/config.toml#server"
	docsDeploy   = "https://docs.streamlit.io/deploy/concepts"
)

// readOnlyMessages are how programs report a read-only file system.
var readOnlyMessages = []string{"Read-only file system", "read-only file system", "Errno 30", "EROFS"}

// Judge turns what happened into a proof and findings. The IDs of the findings are those of [ProofRules].
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
	write := "write to " + strings.Join(t.Scratch, " or ") + " (point TMPDIR, HOME and caches there), or add the files to the image"
	switch {
	case t.NotStarted != "":
		return p, find(proofNotStarted, "nothing shows that the image runs: "+t.NotStarted, "start it on an engine that can run it: sdev deploy TARGET --image REF")
	case t.wroteToRoot() && !p.Page:
		return p, find(proofWrite, "it writes to its root file system, which is read-only on the platform: "+t.decisiveLine(), write)
	case t.Ended:
		return p, find(proofPage, fmt.Sprintf("it ended with exit code %d before it served a page: %s", t.ExitCode, t.decisiveLine()), "see what it prints: docker run --rm --read-only --tmpfs /tmp "+t.Image)
	case !t.Healthy:
		return p, find(proofPage, fmt.Sprintf("%[2]s on port %[1]d did not answer within %[3]d s: %[4]s", t.Port, t.Health, int(t.Waited.Seconds()), t.decisiveLine()), "set server.address to 0.0.0.0, and server.port and server.baseUrlPath to that port and path")
	case t.Page != "":
		return p, find(proofPage, "its health check answers, but it serves no page: "+t.Page, "check server.baseUrlPath, and any proxy in front of Streamlit in the image")
	}
	return p, t.judgeRun(find, write)
}

// judgeRun judges the script of a page that was served.
func (t SmokeTest) judgeRun(find func(id, message, fix string) []dev.Finding, write string) []dev.Finding {
	var out []dev.Finding
	if t.Run != "" {
		out = append(out, find(proofRun, "it serves the page, but the page's script did not finish: "+t.Run, "check whether the first page waits for something that needs a network")...)
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
			out = append(out, find(proofWrite, "its page writes to the root file system, which is read-only on the platform: "+text, write)...)
			continue
		}
		out = append(out, find(proofException, "it serves the page, but the page shows an exception: "+text, "none needed if the page only lacks a network or credentials, which the smoke test withholds; otherwise fix it")...)
	}
	return out
}

// FailedProof is the finding about an image that served no page at an earlier hand-off; fix is the command that starts
// it again.
func (i Image) FailedProof(fix string) []dev.Finding {
	if i.Proof == nil || i.Proof.Page || !i.Proof.ReadOnly { // an image that was not started proves nothing either way
		return nil
	}
	return []dev.Finding{{ID: proofPage, Severity: severity(proofPage), Where: "image " + i.Ref, Message: "it served no page when an earlier hand-off started it", Fix: fix, Docs: docsPort}}
}

func (t SmokeTest) wroteToRoot() bool {
	return containsAny(strings.Join(t.Output, "\n"), readOnlyMessages)
}

// decisiveLine is the most telling line that the image printed: the first about a read-only file system, else the last.
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

// The IDs of what a smoke test can find.
const (
	proofPage       = "proof.page"
	proofWrite      = "proof.write"
	proofRun        = "proof.run"
	proofException  = "proof.raised"
	proofNotStarted = "proof.untried"
)

// ProofRule documents a finding of a smoke test.
type ProofRule struct {
	ID       string
	Severity dev.Severity
	About    string
}

// ProofRules are the findings that [SmokeTest.Judge] can make, in the order in which help prints them.
func ProofRules() []ProofRule {
	return []ProofRule{
		{proofPage, dev.Blocks, "the image serves no page when started as the platform would start it"},
		{proofWrite, dev.Blocks, "the image writes to its root file system, which is read-only on the platform"},
		{proofRun, dev.Warns, "the image serves its page, but the page's script does not finish"},
		{proofException, dev.Warns, "the image serves its page, but the page shows an exception without network and credentials"},
		{proofNotStarted, dev.Warns, "this container engine cannot start the image, so nothing shows that it runs"},
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
