package preflight

import (
	"path"
	"strconv"
	"strings"

	"sdev/dev"
)

func platformRules() []Rule {
	const (
		alb = "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/edit-load-balancer-attributes.html"
		run = "https://cloud.google.com/run/docs/triggering/websockets"
	)
	return []Rule{
		{"platform.idle", dev.Blocks, "the load balancer closes connections that are idle for 30 s or less, and Streamlit's WebSocket says something every 30 s", "set the idle timeout to 60 s or more", alb},
		{"platform.timeout", dev.Warns, "Cloud Run ends requests before 3600 s, and a session is one request", `set the service's timeout to "3600s"`, run},
		{"platform.affinity", dev.Blocks, "several instances, and nothing keeps a user on one of them: sessions and uploads are lost", "switch stickiness (session affinity) on, or run one instance", "https://docs.streamlit.io/deploy/concepts"},
		{"platform.base", dev.Blocks, "the app is published below a path, and Streamlit does not know: cloudflared does not take the path away", "set STREAMLIT_SERVER_BASE_URL_PATH to that path", docsConfig},
		{"platform.open", dev.Blocks, "the app can be reached around its front door: a port that is published beside a tunnel, or an invoker that is everybody", "take the port, or the member, away: the front door reaches the app without", "https://cloud.google.com/run/docs/securing/ingress"},
		{"platform.health", dev.Warns, "the platform's health check asks another page than Streamlit's own", "ask /_stcore/health, below the base path where there is one", "https://docs.streamlit.io/deploy/tutorials/docker"},
		{"platform.grace", dev.Warns, "the platform looks at the app's health too early: it is killed before it is up", "give it 60 s or more", "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-load-balancing.html"},
	}
}

var (
	idleTimeout   = lazyPattern(`(?i)idle_?timeout(?:\.timeout_?seconds|Seconds|_seconds)?["']?(?:\s*[:=]|,?\s*["']?value["']?\s*[:=])\s*(?:(?:cdk\.)?Duration\.seconds\(\s*)?["']?(\d+)`)
	runTimeout    = lazyPattern(`(?m)^\s*["']?(?:timeout|timeoutSeconds|request[_-]timeout)["']?\s*[:=]\s*["']?(\d+)s?["']?`)
	maxInstances  = lazyPattern(`(?i)["']?(?:max_instance_count|maxInstances?|max_instances|desired_?count|maxCapacity|max_capacity)["']?\s*[:=]\s*["']?(\d+)`)
	stickinessSet = lazyPattern(`(?i)stickiness\.enabled["']?\s*(?:[:=]|,\s*["']?value["']?\s*[:=])\s*["']?true|stickinessCookieDuration|stickiness\s*\{[^}]*enabled\s*=\s*true|session_affinity["']?\s*[:=]\s*["']?true|sessionAffinity["']?\s*[:=]\s*["']?true`)
	// tunnelPath is a path that is written out; in HCL what has no quotes is a reference.
	tunnelPath  = lazyPattern(`(?m)^\s*-?\s*["']?path["']?\s*(?:=\s*["']|:\s*["']?)[\^(]*/?([\w-]+)`)
	baseSet     = lazyPattern(`(?i)STREAMLIT_SERVER_BASE_URL_PATH|server\.baseUrlPath|baseUrlPath\s*=\s*["'][^"']`)
	healthPath  = lazyPattern(`(?i)["']?(?:health_?check_?path|healthPath|health_path)["']?\s*[:=]\s*["']([^"']*)["']`)
	everybody   = lazyPattern(`["'](allUsers|allAuthenticatedUsers)["']`)
	published   = lazyPattern(`(?m)^\s+ports:`)
	gracePeriod = lazyPattern(`(?i)health_?check_?grace_?period(?:_?seconds)?["']?\s*[:=]\s*(?:(?:cdk\.)?Duration\.seconds\(\s*)?["']?(\d+)`)
)

// platform reads from the bundle how the platform treats Streamlit's WebSocket. A bundle that was
// rendered is right; one that was edited may not be.
func (c *checker) platform() {
	c.eachBundleFile(func(name, text string) {
		at := func(m match) place { return place{file: name, line: m.line} }
		for _, m := range idleTimeout.matches(text) {
			const ping = 30
			if n := number(m); n <= ping && n > 0 {
				c.add("platform.idle", at(m), "connections that are idle for %d s are closed", n)
			}
		}
		for _, m := range gracePeriod.matches(text) {
			const least = 60
			if n := number(m); n < least {
				c.add("platform.grace", at(m), "the grace period is %d s", n)
			}
		}
		for _, m := range healthPath.matches(text) {
			if !strings.HasSuffix(m.groups[1], "/_stcore/health") && !strings.ContainsAny(m.groups[1], "$<") {
				c.add("platform.health", at(m), "the health check asks %q", m.groups[1])
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
	for _, m := range runTimeout.matches(text) {
		const longest = 3600
		if n := number(m); n > 0 && n < longest {
			c.add("platform.timeout", place{file: name, line: m.line}, "a session ends after %d s", n)
		}
	}
}

// affinity wants stickiness where there may be several instances; the number and the setting may stand
// in two files.
func (c *checker) checkAffinity() {
	sticky := false
	c.eachBundleFile(func(_, text string) { sticky = sticky || stickinessSet.in(text) })
	if sticky {
		return
	}
	c.eachBundleFile(func(name, text string) {
		for _, m := range maxInstances.matches(text) {
			if n := number(m); n > 1 {
				c.add("platform.affinity", place{file: name, line: m.line}, "up to %d instances without stickiness", n)
			}
		}
	})
}

// tunnel wants Streamlit to know the path that a tunnel publishes it at.
func (c *checker) checkTunnel() {
	known := c.App.BasePath != ""
	for _, s := range c.settings() {
		known = known || baseSet.in(s.text)
	}
	for _, name := range c.configFiles() {
		base, _ := c.serverTable(name)["baseUrlPath"].(string)
		known = known || base != ""
	}
	c.eachBundleFile(func(_, text string) { known = known || baseSet.in(text) })
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
		for _, m := range tunnelPath.matches(text) {
			c.add("platform.base", place{file: name, line: m.line}, "the tunnel publishes the app at /%s, and Streamlit listens at /", m.groups[1])
		}
	})
}

// open looks for ways around the front door.
func (c *checker) checkOpen() {
	c.eachBundleFile(func(name, text string) {
		for _, m := range everybody.matches(text) {
			c.add("platform.open", place{file: name, line: m.line}, "%s may invoke the app", m.groups[1])
		}
		if c.Hosting.Tunnel && strings.HasPrefix(path.Base(name), "compose.") {
			for _, m := range published.matches(text) {
				c.add("platform.open", place{file: name, line: m.line}, "a port is published beside the tunnel")
			}
		}
	})
}
