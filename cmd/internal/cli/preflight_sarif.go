package cli

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/owenrumney/go-sarif/v3/pkg/report"
	"github.com/owenrumney/go-sarif/v3/pkg/report/v210/sarif"

	"sdev/dev"
	"sdev/dev/preflight"
)

// writeSARIF writes findings in the format that code hosts show beside the code.
// Source: docs.oasis-open.org/sarif/sarif/v2.1.0.
func (a *app) writeSARIF(name string, found []dev.Finding) error {
	var b bytes.Buffer
	if err := sarifReport(found).PrettyWrite(&b); err != nil {
		return err
	}
	text := dev.EscapeJSON(b.Bytes())
	if name == "-" {
		_, err := a.out().Write(text)
		return err
	}
	if !filepath.IsAbs(name) {
		name = filepath.Join(a.dir, name)
	}
	name, err := filepath.Abs(name)
	if err != nil {
		return err
	}
	if why := a.guard().RefuseReport(name, isSARIF); why != "" {
		return &dev.Error{Code: dev.CodeUsage, Exit: dev.ExitFailed, Message: "the report is not written to " + dev.Printable(name) + ": " + why, Hint: "name a new file: --sarif report.sarif"}
	}
	if err := writeReport(name, text); err != nil {
		return &dev.Error{Code: dev.CodeUsage, Exit: dev.ExitFailed, Cause: err, Message: "cannot write the report: " + err.Error(), Hint: "name a file in a directory that is there: --sarif FILE"}
	}
	return nil
}

// writeReport writes a file for others to read; it holds no secrets. A pipe is written to where somebody
// reads it, and not waited for where nobody does.
func writeReport(name string, text []byte) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC|syscall.O_NONBLOCK, 0o644) //nolint:gosec // for others to read
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	return errors.Join(err, f.Close())
}

// isSARIF knows a report of whichever program by the members that each has to have.
func isSARIF(content []byte) bool {
	var report struct {
		Version string            `json:"version"`
		Runs    []json.RawMessage `json:"runs"`
	}
	return json.Unmarshal(content, &report) == nil && strings.HasPrefix(report.Version, "2.") && report.Runs != nil
}

func sarifReport(found []dev.Finding) *sarif.Report {
	run := sarif.NewRun()
	run.WithTool(sarif.NewTool().WithDriver(sarif.NewToolComponent().WithName("sdev").WithVersion(buildVersion)))
	for _, r := range preflight.Rules() {
		rule := run.AddRule(r.ID).WithDescription("Found when " + r.About + ".").WithDefaultConfiguration(sarif.NewReportingConfiguration().WithLevel(sarifLevel(r.Severity)))
		rule.WithHelp(sarif.NewMultiformatMessageString().WithText(r.Fix))
		if r.Docs != "" {
			rule.WithHelpURI(r.Docs)
		}
	}
	known := preflight.Rules()
	for _, f := range found {
		if !slices.ContainsFunc(known, func(r preflight.Rule) bool { return r.ID == f.ID }) && run.GetRuleIndex(f.ID) < 0 {
			run.AddRule(f.ID).WithDescription(f.Message)
		}
		run.AddResult(sarifResult(run, f))
	}
	out := report.NewV210Report()
	out.AddRun(run)
	return out
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
