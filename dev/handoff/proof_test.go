package handoff

import (
	"strings"
	"testing"
	"time"

	"sdev/dev"
)

func TestSmokeTest_JudgesWhatHappened(t *testing.T) {
	served := SmokeTest{Image: "shop", User: "app", Scratch: []string{"/tmp"}, Port: 8501, Health: "/_stcore/health", Waited: 1200 * time.Millisecond, Healthy: true}
	with := func(change func(*SmokeTest)) SmokeTest { t := served; change(&t); return t }
	seen := map[string]bool{}
	for name, c := range map[string]struct {
		test   SmokeTest
		page   bool
		blocks bool
		id     string
		says   string
	}{
		"a page":              {served, true, false, "", ""},
		"as root":             {with(func(t *SmokeTest) { t.User = "" }), true, false, "", ""},
		"a script that waits": {with(func(t *SmokeTest) { t.Run = "30 s are over" }), true, false, proofRun, "30 s are over"},
		"an exception": {with(func(t *SmokeTest) {
			t.Exceptions = []PageException{{"NoCredentialsError", "Unable to locate credentials", "Home.py:3"}}
		}), true, false, proofException, "Home.py:3: NoCredentialsError: Unable"},
		"a page that writes": {with(func(t *SmokeTest) {
			t.Exceptions = []PageException{{"OSError", "[Errno 30] Read-only file system: 'x'", ""}}
		}), true, true, proofWrite, "'x'"},
		"a start that writes": {with(func(t *SmokeTest) {
			t.Healthy, t.Ended, t.ExitCode, t.Output = false, true, 1, []string{"touch: /app/x: Read-only file system", "bye", ""}
		}), false, true, proofWrite, "touch: /app/x"},
		"a start that fails": {with(func(t *SmokeTest) {
			t.Healthy, t.Ended, t.ExitCode, t.Output = false, true, 2, []string{"one", "two", " "}
		}), false, true, proofPage, "exit code 2 before it served a page: two"},
		"another port":         {with(func(t *SmokeTest) { t.Healthy, t.Waited = false, time.Minute }), false, true, proofPage, "/_stcore/health on port 8501 did not answer within 60 s: it printed nothing"},
		"another path":         {with(func(t *SmokeTest) { t.Page = "404 Not Found" }), false, true, proofPage, "404 Not Found"},
		"another architecture": {SmokeTest{Image: "shop", NotStarted: "it is for linux/arm64"}, false, false, proofNotStarted, "linux/arm64"},
	} {
		proof, findings := c.test.Judge()
		if proof.Page != c.page || proof.User == "" || proof.ReadOnly != (c.test.NotStarted == "") || proof.Page && proof.Health != 1200 {
			t.Errorf("%s: %+v", name, proof)
		}
		if dev.AnyBlocks(findings) != c.blocks || (c.id == "") != (len(findings) == 0) {
			t.Errorf("%s: %+v", name, findings)
			continue
		}
		for _, f := range findings {
			seen[f.ID] = true
			if f.ID != c.id || !strings.Contains(f.Message, c.says) || f.Fix == "" || f.Docs == "" || f.Where == "" {
				t.Errorf("%s: %+v", name, f)
			}
		}
	}
	for _, r := range ProofRules() {
		if !seen[r.ID] || r.About == "" {
			t.Errorf("%s has no case here, or says nothing", r.ID)
		}
	}
}

func TestImage_AFailedSmokeTestBlocksLaterHandOffs(t *testing.T) {
	for name, c := range map[string]struct {
		proof *Proof
		want  bool
	}{
		"never tried":   {nil, false},
		"served a page": {&Proof{Page: true, ReadOnly: true}, false},
		"not started":   {&Proof{}, false},
		"served none":   {&Proof{ReadOnly: true}, true},
	} {
		if got := (Image{Ref: "shop", Proof: c.proof}).FailedProof("again"); dev.AnyBlocks(got) != c.want {
			t.Errorf("%s: %+v", name, got)
		}
	}
}
