package tui

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"sdev/dev"
	"sdev/dev/devtest"
)

// Every pane and state, at three sizes, as a person sees it. The looks are left out: they differ
// from terminal to terminal, and no meaning is in them alone.
func TestScreens_AreAsExpected(t *testing.T) {
	for name, bring := range map[string]func(*rig){
		"idle": func(r *rig) { r.send(factsMsg{facts: r.host.facts}) },
		"starting": func(r *rig) {
			r.happen(dev.PlanMade{Operations: []dev.Operation{{Verb: "create", Object: "container shop-db-1", Reason: "it is not there"}}})
		},
		"building":     func(r *rig) { building(r) },
		"build-failed": func(r *rig) { building(r); r.happen(buildFailure().Event()) },
		"build-broke":  func(r *rig) { building(r); r.happen(buildFailure().Event()); r.keys("1") },
		"running":      func(r *rig) { r.running(dev.Local) },
		"login":        func(r *rig) { r.running(dev.AppLogin) },
		"unattended":   func(r *rig) { r.host.facts.Supervised = false; r.running(dev.Local) },
		"exception":    func(r *rig) { r.running(dev.Local); exception(r) },
		"exited": func(r *rig) {
			r.running(dev.Local)
			r.happen(dev.ServiceState{Service: "streamlit-local", State: dev.Exited, ExitCode: 3})
		},
		"stopped":       func(r *rig) { r.running(dev.Local); r.host.facts = shopFacts(); stopped(r) },
		"engine-lost":   func(r *rig) { r.running(dev.Local); engineLost(r) },
		"logs":          func(r *rig) { r.running(dev.Local); r.logs(90); r.keys("2") },
		"logs-empty":    func(r *rig) { r.keys("2") },
		"logs-wrapped":  func(r *rig) { r.logs(60); r.keys("2", "w", "t") },
		"logs-search":   func(r *rig) { r.logs(90); r.keys("2", "/"); r.text("warehouse"); r.keys("enter", "N", "m") },
		"logs-filter":   func(r *rig) { r.logs(90); r.keys("2", "f"); r.text("level:error -attempt") },
		"logs-filtered": func(r *rig) { r.logs(90); r.keys("2", "f"); r.text("service:db -40"); r.keys("enter") },
		"auth-bypassed": func(r *rig) { r.running(dev.Local); r.keys("4") },
		"auth-as":       func(r *rig) { r.host.facts.Provider.Current = "ada@example.com"; r.running(dev.Local); r.keys("4") },
		"auth-unmapped": func(r *rig) {
			r.host.facts.Provider.Unmapped = []Unmapped{{"https://login.example.org/oauth2/token", 3}, {"accounts.google.com", 1}}
			signedIn(r)
		},
		"auth":          func(r *rig) { signedIn(r) },
		"auth-door":     func(r *rig) { behindDoor(r) },
		"auth-session":  func(r *rig) { holds(r); signedIn(r); r.keys("up") },
		"auth-fault":    func(r *rig) { signedIn(r); r.keys("f") },
		"deploy":        func(r *rig) { handedOver(r); r.keys("5") },
		"deploy-none":   func(r *rig) { handedOver(r); r.keys("5", "down") },
		"deploy-checks": func(r *rig) { handedOver(r); r.keys("5", "c") },
		"deploy-more":   func(r *rig) { handedOver(r); r.keys("5", "c"); r.screen(); r.keys("pgdown") }, // a page is as long as it was drawn
		"deploy-clean":  func(r *rig) { handedOver(r); r.keys("5", "down", "c") },
		"deploy-render": func(r *rig) { handedOver(r); r.keys("5", "enter") },
		"deploy-failed": func(r *rig) { r.host.fails = buildFailure(); r.keys("5") },
		"pages":         func(r *rig) { r.running(dev.Local); ran(r); r.keys("6") },
		"pages-none":    func(r *rig) { r.running(dev.Local); r.keys("6") },
		"palette":       func(r *rig) { r.running(dev.Local); r.keys(":"); r.text("reb") },
		"help":          func(r *rig) { r.running(dev.Local); r.keys("2", "?") },
		"question":      func(r *rig) { r.running(dev.Local); r.keys("D") },
		"services-200":  func(r *rig) { many(r) },
	} {
		t.Run(name, func(t *testing.T) {
			var b strings.Builder
			for _, size := range [][2]int{{60, 20}, {80, 24}, {160, 48}} {
				r := newRig(t, size[0], size[1])
				bring(r)
				fmt.Fprintf(&b, "=== %d × %d\n%s\n", size[0], size[1], r.screen())
			}
			devtest.Golden(t, name+".txt", b.String())
		})
	}
}

// stopped is what "sdev down" tells.
func stopped(r *rig) {
	for _, service := range []string{"streamlit-local", "db", "sdev-gateway"} {
		r.happen(dev.ServiceState{Service: service, State: dev.Removed})
	}
	r.happen(dev.Stopped{MS: 640})
}

func building(r *rig) {
	r.happen(
		dev.PlanMade{Operations: []dev.Operation{{Verb: "build", Object: "image shop", Reason: "its input changed"}}},
		dev.BuildStep{Service: "streamlit-local", Step: 1, Total: 4, Text: "base: FROM python:3.11-slim", MS: 1, Cached: true},
		dev.BuildStep{Service: "streamlit-local", Step: 2, Total: 5, Text: "packages: COPY pyproject.toml uv.lock ./", MS: 120},
		dev.BuildStep{Service: "streamlit-local", Step: 3, Total: 5, Text: "packages: RUN --mount=type=cache,target=/root/.cache/uv uv sync --frozen --no-dev --no-install-project"},
	)
}

func buildFailure() *dev.Error {
	return &dev.Error{Code: dev.CodeBuildFailed, Exit: dev.ExitFailed, Message: "build streamlit-local: step 3, packages: RUN uv sync ended with exit code 1\n  × No solution found when resolving dependencies:\n  ╰─▶ Because pandas==99.0 was not found and shop depends on pandas==99.0, we can conclude that the requirements are unsatisfiable.", Hint: "fix it and save: the build starts again by itself", File: "Dockerfile", Line: 12}
}

func engineLost(r *rig) {
	gone := &dev.Error{Code: dev.CodeEngineUnreachable, Message: "the container engine at unix:///var/run/docker.sock (default) does not answer: nothing listens there", Hint: "start Docker, or set DOCKER_HOST to where it listens"}
	r.host.fails = gone
	r.happen(gone.Event())
}

func exception(r *rig) {
	r.host.excerpt = []SourceLine{{10, "total = sum(order.amount for order in orders)"}, {11, "count = len(orders)"}, {12, "st.metric(\"average\", total / count)"}, {13, ""}, {14, "if st.button(\"Refresh\"):"}}
	r.happen(dev.AppException{Exception: "ZeroDivisionError", Message: "division by zero", File: "code_package/streamlit/Home.py", Line: 12, Page: "Home"})
}

func signedIn(r *rig) {
	r.running(dev.AppLogin)
	r.host.facts.Provider.ActiveFaults = []Fault{{Name: "wrong-aud", Left: 1}}
	r.host.facts.Provider.Clock = 2 * 3600e9
	r.happen(
		dev.AuthLogin{User: "ada@example.com", Client: "streamlit", Reason: "picked"},
		dev.AuthDenied{Client: "streamlit", Reason: "the redirect address is none of the client's"},
		dev.AuthFault{Fault: "wrong-aud", Where: "token", Client: "streamlit", Left: 1},
		dev.AuthLogout{User: "ada@example.com", Client: "streamlit"},
	)
	r.keys("4", "down")
}

// behindDoor is a project behind Identity-Aware Proxy, which has let the first person in.
func behindDoor(r *rig) {
	r.running(dev.IAPLogin)
	r.host.facts.Provider.SignedIn = []string{"ada@example.com"}
	r.host.facts.Provider.Told = []Told{{User: "ada@example.com", At: clock, Headers: map[string]any{
		"x-goog-authenticated-user-email": "accounts.google.com:ada@example.com",
		"x-goog-iap-jwt-assertion":        map[string]any{"aud": "/projects/1/global/backendServices/2", "email": "ada@example.com", "hd": "example.com"},
	}}}
	r.happen(dev.AuthLogin{User: "ada@example.com", Client: "iap", Reason: "picked"})
	r.keys("4")
}

// handedOver is a project that was handed over once, and one that checks find faults with since.
func handedOver(r *rig) {
	r.running(dev.Local)
	r.host.targets = []Target{
		{Name: "ecs", About: "GitHub Actions to AWS ECS behind a load balancer", Bundle: "deploy/ecs", Status: "blocked", Commit: "0a0a6359a389609003015518feb4ce3578eb87aa", Dirty: true, Image: "shop-release:0a0a6359a389-dirty"},
		{Name: "ecs-cognito", About: "AWS CDK: ECS with Cognito at the load balancer", Bundle: "deploy/ecs-cognito"},
		{Name: "cloud-run", About: "Terraform: Cloud Run behind IAP and Identity Platform", Bundle: "deploy/cloud-run", Status: "ready", Commit: "0a0a6359a389609003015518feb4ce3578eb87aa"},
	}
	until := clock.AddDate(0, 1, 0)
	r.host.checks = map[string]Checks{"ecs-cognito": {Rules: 61}, "ecs": {Rules: 61, Findings: []dev.Finding{
		{ID: "git.dirty", Severity: dev.Warns, Message: "3 files differ from the commit: Home.py, Dockerfile, notes.txt", Fix: "commit them"},
		{ID: "env.bypass", Severity: dev.Blocks, Message: "LOCAL_STREAMLIT=1 switches the login off for everybody", File: "docker-compose.yml", Line: 12, Fix: "take the line out: sdev up --local sets it by itself"},
		{ID: "image.user.root", Severity: dev.Blocks, Message: "the image runs as root, so that whoever breaks out of the app has all that the container has", Where: "image shop-release:0a0a6359a389-dirty", Fix: "end the Dockerfile with: USER app", Suppressed: &dev.Suppression{ID: "image.user.root", Reason: "the platform maps root to nobody", Until: until}},
		{ID: "image.size", Severity: dev.Informs, Message: "the image is 720 MB; layer 4 (COPY /opt/venv) is 480 MB of it", Where: "image shop-release:0a0a6359a389-dirty", Fix: "leave out what only development needs"},
		{ID: "secret.history", Severity: dev.Blocks, Message: "a private key was committed in code_package/key.pem, and whoever has the repository has it\x1b[31m", Where: "commit 1a2b3c4", Fix: "make a new key where it is used; then take the file out of the history: git filter-repo --path code_package/key.pem --invert-paths"},
	}}}
}

// ran is an app whose pages have run, and one became slower.
func ran(r *rig) {
	for _, ms := range []int64{82, 79, 95, 88} {
		r.happen(dev.AppRerun{Trigger: dev.RerunWidget, MS: ms}, dev.AppRerun{Page: "Sales by region and month", Trigger: dev.RerunNavigation, MS: 10 * ms})
	}
	r.happen(
		dev.AppRerun{Page: "Sales by region and month", Trigger: dev.RerunFragment, MS: 12},
		dev.FileChanged{Paths: []string{"code_package/streamlit/Home.py"}, Action: dev.Live},
		dev.AppRerun{Trigger: dev.RerunSave, MS: 190, Interrupted: true},
		dev.AppRerun{Trigger: dev.RerunSave, MS: 204},
		dev.AppRerun{Page: "\x1b[31mred", Trigger: dev.RerunLoad, MS: 3, Exception: "ZeroDivisionError"},
	)
}

func holds(r *rig) {
	r.host.facts.Provider.SignedIn = []string{"ada@example.com"}
	r.host.facts.Provider.Sessions = []Session{{User: "ada@example.com", Client: "streamlit", At: clock.Add(40 * time.Second), Claims: map[string]any{
		"iss": "http://localhost:8601", "aud": "streamlit", "azp": "streamlit", "sub": "108214771", "email": "ada@example.com", "email_verified": true,
		"name": "Ada Lovelace", "groups": []any{"admin"}, "auth_time": float64(clock.Add(40 * time.Second).Unix()), "amr": []any{"pwd"},
	}}}
}

func many(r *rig) {
	r.running(dev.Local)
	for i := range 200 {
		r.happen(dev.ServiceState{Service: fmt.Sprintf("worker-%03d", i), State: dev.Running})
	}
}
