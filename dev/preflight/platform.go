package preflight

import (
	"path"
	"strconv"
	"strings"

	"sdev/dev"
	"sdev/dev/pattern"
)

func platformRules() []Rule {
	const (
		alb = "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/edit-load-balancer-attributes.html"
		run = "https://cloud.google.com/run/docs/triggering/websockets"
	)
	return []Rule{
		{"platform.idle", dev.Blocks, "the load balancer closes connections that are idle for 30 s or less; Streamlit sends on its WebSocket every 30 s", "set the idle timeout to 60 s or more", alb},
		{"platform.timeout", dev.Warns, "Cloud Run ends requests before 3600 s, and a session is one request", `set the service's timeout to "3600s"`, run},
		{"platform.affinity", dev.Blocks, "several instances may run without session affinity, so users lose their sessions and uploads", "turn on session affinity (stickiness), or run one instance", "https://docs.streamlit.io/deploy/concepts"},
		{"platform.base", dev.Blocks, "the tunnel publishes the app below a path that Streamlit does not know; cloudflared does not strip it", "set STREAMLIT_SERVER_BASE_URL_PATH to that path", docsConfig},
		{"platform.open", dev.Blocks, "users can reach the app without its identity proxy: a port is published beside a tunnel, or everyone may invoke the service", "remove the port or the member: the identity proxy reaches the app without it", "https://cloud.google.com/run/docs/securing/ingress"},
		{"platform.health", dev.Warns, "the platform's health check does not request Streamlit's health page", "request /_stcore/health, below the base path if there is one", "https://docs.streamlit.io/deploy/tutorials/docker"},
		{"platform.grace", dev.Warns, "the platform checks the app's health too early, so it stops the app before it is ready", "set the grace period to 60 s or more", "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-load-balancing.html"},
	}
}

var (
	idleTimeout   = pattern.New(`(?i)idle_?timeout(?:\.timeout_?seconds|Seconds|_seconds)?["']?(?:\s*[:=]|,?\s*["']?value["']?\s*[:=])\s*(?:(?:cdk\.)?Duration\.seconds\(\s*)?["']?(\d+)`)
	runTimeout    = pattern.New(`(?m)^\s*["']?(?:timeout|timeoutSeconds|request[_-]timeout)["']?\s*[:=]\s*["']?(\d+)s?["']?`)
	maxInstances  = pattern.New(`(?i)["']?(?:max_instance_count|maxInstances?|max_instances|desired_?count|maxCapacity|max_capacity)["']?\s*[:=]\s*["']?(\d+)`)
	stickinessSet = pattern.New(`(?i)stickiness\.enabled["']?\s*(?:[:=]|,\s*["']?value["']?\s*[:=])\s*["']?true|stickinessCookieDuration|stickiness\s*\{[^}]*enabled\s*=\s*true|session_affinity["']?\s*[:=]\s*["']?true|sessionAffinity["']?\s*[:=]\s*["']?true`)
	// tunnelPath is a literal path; in HCL, a value without quotes is a reference.
	tunnelPath  = pattern.New(`(?m)^\s*-?\s*["']?path["']?\s*(?:=\s*["']|:\s*["']?)[\^(]*/?([\w-]+)`)
	baseSet     = pattern.New(`(?i)STREAMLIT_SERVER_BASE_URL_PATH|server\.baseUrlPath|baseUrlPath\s*=\s*["'][^"']`)
	healthPath  = pattern.New(`(?i)["']?(?:health_?check_?path|healthPath|health_path)["']?\s*[:=]\s*["']([^"']*)["']`)
	everybody   = pattern.New(`["'](allUsers|allAuthenticatedUsers)["']`)
	published   = pattern.New(`(?m)^\s+ports:`)
	gracePeriod = pattern.New(`(?i)health_?check_?grace_?period(?:_?seconds)?["']?\s*[:=]\s*(?:(?:cdk\.)?Duration\.seconds\(\s*)?["']?(\d+)`)
)

// platform reads from the bundle how the platform treats Streamlit's connections. A rendered bundle is right, but the
// user may have edited it.
func (c *checker) platform() {
	c.eachBundleFile(func(name, text string) {
		at := func(m match) place { return place{file: name, line: m.line} }
		for _, m := range findAll(idleTimeout, text) {
			const ping = 30
			if n := number(m); n <= ping && n > 0 {
				c.add("platform.idle", at(m), "the load balancer closes connections that are idle for %d s", n)
			}
		}
		for _, m := range findAll(gracePeriod, text) {
			const least = 60
			if n := number(m); n < least {
				c.add("platform.grace", at(m), "the grace period is %d s", n)
			}
		}
		for _, m := range findAll(healthPath, text) {
			if !strings.HasSuffix(m.groups[1], "/_stcore/health") && !strings.ContainsAny(m.groups[1], "$<") {
				c.add("platform.health", at(m), "the health check requests %q", m.groups[1])
			}
		}
		if strings.Contains(text, "google_cloud_run_v2_service") || strings.Contains(text, "run.googleapis.com") {
			c.checkCloudRun(name, text)
		}
	})
	c.checkAffinity()
	c.checkTunnel()
	c.checkOpen()
}

func number(m match) int {
	n, _ := strconv.Atoi(m.groups[1])
	return n
}

func (c *checker) checkCloudRun(name, text string) {
	for _, m := range findAll(runTimeout, text) {
		const longest = 3600
		if n := number(m); n > 0 && n < longest {
			c.add("platform.timeout", place{file: name, line: m.line}, "a session ends after %d s", n)
		}
	}
}

// checkAffinity requires session affinity if several instances may run. The number and the setting may be in
// different files.
func (c *checker) checkAffinity() {
	sticky := false
	c.eachBundleFile(func(_, text string) { sticky = sticky || occurs(stickinessSet, text) })
	if sticky {
		return
	}
	c.eachBundleFile(func(name, text string) {
		for _, m := range findAll(maxInstances, text) {
			if n := number(m); n > 1 {
				c.add("platform.affinity", place{file: name, line: m.line}, "up to %d instances run without session affinity", n)
			}
		}
	})
}

// checkTunnel requires that Streamlit knows the path at which a tunnel publishes it.
func (c *checker) checkTunnel() {
	known := c.App.BasePath != ""
	for _, s := range c.settings() {
		known = known || occurs(baseSet, s.text)
	}
	for _, name := range c.configFiles() {
		base, _ := c.serverTable(name)["baseUrlPath"].(string)
		known = known || base != ""
	}
	c.eachBundleFile(func(_, text string) { known = known || occurs(baseSet, text) })
	if known {
		return
	}
	c.eachBundleFile(func(name, text string) {
		if !strings.Contains(text, "cloudflared") && !strings.Contains(text, "ingress") || path.Ext(name) == ".json" {
			return
		}
		if !strings.Contains(text, "hostname") {
			return
		}
		for _, m := range findAll(tunnelPath, text) {
			c.add("platform.base", place{file: name, line: m.line}, "the tunnel publishes the app at /%s, but Streamlit serves it at /", m.groups[1])
		}
	})
}

// checkOpen looks for ways around the identity proxy.
func (c *checker) checkOpen() {
	c.eachBundleFile(func(name, text string) {
		for _, m := range findAll(everybody, text) {
			c.add("platform.open", place{file: name, line: m.line}, "%s may invoke the app", m.groups[1])
		}
		if c.Hosting.Tunnel && strings.HasPrefix(path.Base(name), "compose.") {
			for _, m := range findAll(published, text) {
				c.add("platform.open", place{file: name, line: m.line}, "a port is published beside the tunnel")
			}
		}
	})
}
