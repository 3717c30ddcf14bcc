package render

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"

	"github.com/owenrumney/go-sarif/v3/pkg/report"
	"github.com/owenrumney/go-sarif/v3/pkg/report/v210/sarif"

	"sdev/dev"
)

// Rule is a kind of finding, as a SARIF report describes it.
type Rule struct {
	ID       string
	Severity dev.Severity
	About    string // what is wrong, as a sentence without a full stop
	Fix      string
	Docs     string // address of a page that explains it; "" is none
}

// SARIF is a report in the format that code hosts show beside the code. version is that of sdev.
// Source: docs.oasis-open.org/sarif/sarif/v2.1.0.
func SARIF(version string, rules []Rule, found []dev.Finding) ([]byte, error) {
	run := sarif.NewRun()
	run.WithTool(sarif.NewTool().WithDriver(sarif.NewToolComponent().WithName("sdev").WithVersion(version)))
	for _, r := range rules {
		rule := run.AddRule(r.ID).WithDescription("Found when " + r.About + ".").WithDefaultConfiguration(sarif.NewReportingConfiguration().WithLevel(sarifLevel(r.Severity)))
		rule.WithHelp(sarif.NewMultiformatMessageString().WithText(r.Fix))
		if r.Docs != "" {
			rule.WithHelpURI(r.Docs)
		}
	}
	for _, f := range found {
		if !slices.ContainsFunc(rules, func(r Rule) bool { return r.ID == f.ID }) && run.GetRuleIndex(f.ID) < 0 {
			run.AddRule(f.ID).WithDescription(f.Message)
		}
		run.AddResult(sarifResult(run, f))
	}
	out := report.NewV210Report()
	out.AddRun(run)
	var b bytes.Buffer
	if err := out.PrettyWrite(&b); err != nil {
		return nil, err
	}
	return dev.EscapeJSON(b.Bytes()), nil
}

// IsSARIF knows a report of whichever program by the members that each has to have.
func IsSARIF(content []byte) bool {
	var report struct {
		Version string            `json:"version"`
		Runs    []json.RawMessage `json:"runs"`
	}
	return json.Unmarshal(content, &report) == nil && strings.HasPrefix(report.Version, "2.") && report.Runs != nil
}

func sarifLevel(s dev.Severity) string {
	switch s {
	case dev.Blocks:
		return "error"
	case dev.Warns:
		return "warning"
	case dev.Informs:
	}
	return "note"
}

func sarifResult(run *sarif.Run, f dev.Finding) *sarif.Result {
	text := f.Message
	if f.Fix != "" {
		text += "; " + f.Fix
	}
	r := sarif.NewRuleResult(f.ID).WithLevel(sarifLevel(f.Severity)).WithMessage(sarif.NewTextMessage(text)).WithRuleIndex(run.GetRuleIndex(f.ID))
	location := sarif.NewLocation()
	switch {
	case f.File != "":
		physical := sarif.NewPhysicalLocation().WithArtifactLocation(sarif.NewSimpleArtifactLocation(f.File))
		if f.Line > 0 {
			physical.WithRegion(sarif.NewRegion().WithStartLine(f.Line))
		}
		location.WithPhysicalLocation(physical)
	case f.Where != "":
		location.AddLogicalLocation(sarif.NewLogicalLocation().WithFullyQualifiedName(f.Where))
	}
	if f.File != "" || f.Where != "" {
		r.AddLocation(location)
	}
	sum := sha256.Sum256([]byte(strings.Join([]string{f.ID, f.File, f.Where, f.Message}, "\x00")))
	r.WithPartialFingerprints(map[string]string{"sdev/v1": hex.EncodeToString(sum[:16])})
	if s := f.Suppressed; s != nil {
		r.AddSuppression(sarif.NewSuppression().WithKind("external").WithStatus("accepted").WithJustification(s.Reason + " (until " + s.Until.Format("2006-01-02") + ", " + s.Origin + ")"))
	}
	return r
}
