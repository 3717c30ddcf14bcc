package handoff

import (
	"fmt"

	"sdev/dev"
)

// This file turns policies into listener rules of a load balancer of AWS, which sees paths and not people.

// closingRule is a listener rule that closes a path to everybody.
type closingRule struct {
	Priority int
	Patterns []string
}

// policyDocs explains listener rules.
const policyDocs = "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/listener-rules.html"

// albPolicies turns the policies that close a path into listener rules. Any other policy is a finding, because only the
// app can enforce it.
func albPolicies(f Facts, target, fix string) (closed []closingRule, findings []dev.Finding) {
	for i, c := range dev.ClosedPaths(f.Policy) {
		closed = append(closed, closingRule{Priority: 10 + i, Patterns: c.Patterns})
	}
	for _, p := range f.Policy {
		finding := dev.Finding{ID: "policy." + target, Severity: dev.Warns, Fix: fix, Docs: policyDocs}
		finding.File, finding.Line = splitOrigin(p.Origin)
		switch {
		case p.Allow.Anyone:
			continue
		case p.Allow.IsNobody() && dev.ClosesAtALB(p, f.Policy):
			continue
		case p.Allow.IsNobody():
			finding.Message = fmt.Sprintf("%s is for nobody, but a load balancer cannot close it: another policy opens a part of it, or a * in the middle of the path means something else there", p.Path)
		default:
			finding.Message = fmt.Sprintf("%s is %s, but a load balancer does not know who a person is, so everybody who gets past it reaches this page", p.Path, p.Allow)
		}
		if f.App.hasNoLogin() {
			finding.Severity = dev.Blocks
			finding.Message += "; and the app has no login"
		}
		findings = append(findings, finding)
	}
	if len(closed) > 0 {
		findings = append(findings, dev.Finding{
			ID: "policy.websocket", Severity: dev.Warns,
			Message: "a rule for a path guards only the first request of a page: Streamlit serves all pages over one WebSocket, and its navigation bypasses the rule",
			Fix:     fix, Docs: "https://docs.streamlit.io/develop/concepts/architecture/architecture",
		})
	}
	return closed, findings
}

// policyRow is a policy in the runbook's table: its path, whom it is for, and what enforces it.
type policyRow struct{ Path, For, By string }

// policyRows say for every policy what enforces it.
func policyRows(f Facts) []policyRow {
	var all []policyRow
	for _, p := range f.Policy {
		by := "the page itself, by code that asks who it is"
		switch {
		case p.Allow.Anyone:
			by = "what signs people in, for every page"
		case p.Allow.IsNobody() && dev.ClosesAtALB(p, f.Policy):
			by = "a rule of the load balancer, at the first request of the page"
		}
		all = append(all, policyRow{Path: p.Path, For: p.Allow.String(), By: by})
	}
	return all
}
