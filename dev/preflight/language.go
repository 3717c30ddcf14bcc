package preflight

import (
	"path"
	"slices"
	"strings"

	"sdev/dev/pattern"
	"sdev/dev/preflight/assign"
)

// language is the syntax in which a file is read.
type language int

const (
	asScript language = iota // a shell script, or NAME=value
	asData                   // YAML or JSON
	asTOML
	asCode // a language with braces
)

func languageOf(name string) language {
	switch path.Ext(name) {
	case ".yml", ".yaml", ".json", ".jsonc":
		return asData
	case ".toml":
		return asTOML
	case ".tf", ".tfvars", ".hcl", ".nomad", ".ts", ".mts", ".js", ".mjs", ".cjs", ".bicep", ".bicepparam", ".groovy", ".go", ".jsonnet", ".libsonnet", ".cue":
		return asCode
	case ".config":
		if path.Base(path.Dir(name)) == ".ebextensions" {
			return asData
		}
	}
	if strings.HasPrefix(path.Base(name), "Jenkinsfile") {
		return asCode
	}
	return asScript
}

// assigned returns the lines on which a text of any language sets the variable.
func assigned(name, text string) (lines []int, settings []assign.Setting) {
	switch languageOf(name) {
	case asData:
		if strings.HasPrefix(path.Ext(name), ".json") {
			text = jsonComments.ReplaceAllString(text, "")
		}
		found, ok := assign.Data(text, bypassVariable)
		if !ok { // a template
			return linesOf(findAll(bypassSet, text), bypassPaired(text)), nil
		}
		settings = found
	case asTOML:
		found, ok := assign.TOML(text, bypassVariable)
		if settings = found; !ok { // a template, or broken after what was read
			lines = linesOf(bypassPaired(text))
		}
	case asCode:
		return assign.Code(text, bypassVariable), nil
	case asScript:
		return assign.Shell(text, bypassVariable), nil
	}
	for _, s := range settings {
		lines = append(lines, s.Line)
	}
	return lines, settings
}

// jsonComments are comments in JSON, which some programs allow.
var jsonComments = pattern.New(`(?m)^[ \t]*//.*$`)

func linesOf(all ...[]match) (out []int) {
	for _, m := range slices.Concat(all...) {
		out = append(out, m.line)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// bypassPaired returns the names that have a value beside them.
func bypassPaired(text string) []match {
	lines := strings.Split(text, "\n")
	return slices.DeleteFunc(findAll(bypassPair, text), func(m match) bool {
		return !strings.Contains(strings.ToLower(strings.Join(lines[max(0, m.line-3):min(len(lines), m.line+2)], "\n")), "value")
	})
}

var (
	kubernetes = pattern.New(`(?m)^apiVersion:`)
	// platformKeys occur only in files of a platform.
	platformKeys   = pattern.New(`(?m)^(?:AWSTemplateFormatVersion|Resources|Transform|env_variables|applications|option_settings|generators|configMapGenerator|secretGenerator|definition_version|containers)\s*:|"(?:containerDefinitions|Resources|AWSEBDockerrunVersion|formation|buildpacks)"\s*:|deploymentTemplate\.json`)
	infrastructure = pattern.New(`(?m)aws-cdk-lib|@aws-cdk/|@pulumi/|cdktf|\bsst\b|serverless|["']?apps["']?\s*:|defineConfig`)
	// infrastructureLibrary is the import of a library that describes what a platform runs.
	infrastructureLibrary = pattern.New(`(?m)^\s*(?:from|import)\s+(?:aws_cdk|cdktf\b|cdktf_|pulumi|troposphere|modal\b|sky\b|kfp\b|prefect\b|kubernetes\b|cdk8s|boto3|docker\b|google\.cloud\.run|azure\.mgmt|sagemaker|diagrams\b)`)
)

// isPlatform reports whether a file tells a platform what to run.
func isPlatform(name, text string) bool {
	base := path.Base(name)
	parts := strings.Split(path.Dir(name), "/")
	for _, dir := range []string{"copilot", "helm", "chart", "charts", ".ebextensions", ".platform", ".do", "k8s", "kubernetes", "manifests", "kustomize", "overlays", "terraform", "infra", "infrastructure", "nomad", "ansible", "deploy", "deployment", "ecs", "cloudformation", "bicep"} {
		if slices.Contains(parts, dir) && (languageOf(name) != asScript || path.Ext(name) == ".env") { // a script may be for tests
			return true
		}
	}
	for _, start := range []string{"fly.", "wrangler.", "railway.", "render.", "app.y", "app.json", "apprunner.", "heroku.", "serverless.", "template.y", "samconfig.", "values", "kustomization.", "docker-bake.", "docker-stack", "Pulumi.", "cdk.", "taskdef", "task-def", "task_def", "containerapp", "nixpacks.", "project.toml",
		"vercel.json", "netlify.toml", "koyeb.", "captain-definition", "Dockerrun.aws", "manifest.y", "snowflake.", "azure.yaml", "azuredeploy", "skaffold.", "northflank", "zeabur", "porter.", "dokploy", "ecosystem.config", "process.json", "service.y", "env.y", "env-vars.", "deploy."} {
		if strings.HasPrefix(base, start) {
			return true
		}
	}
	switch ext := path.Ext(name); {
	case strings.HasSuffix(base, ".tf.json") || strings.HasSuffix(base, ".tfvars.json"):
		return true
	case slices.Contains([]string{".tf", ".tfvars", ".hcl", ".nomad", ".ts", ".mts", ".bicep", ".bicepparam", ".container", ".service", ".jsonnet", ".cue"}, ext):
		return true
	case languageOf(name) == asCode:
		return occurs(infrastructure, text)
	case languageOf(name) == asData:
		return kubernetes.MatchString(text) || platformKeys.MatchString(text)
	}
	return strings.Contains(text, "containerDefinitions")
}

// isToolConfig reports whether developers' tools read a file; they set variables for what they run themselves.
func isToolConfig(name string) bool {
	base := path.Base(name)
	for _, start := range []string{"pyproject.toml", "package.json", "Taskfile", ".pre-commit", "mkdocs", "tox.", "pytest.", "setup.cfg", "mise.", ".mise.", "pixi.toml", "Pipfile", "justfile", "Justfile", "noxfile", "Tiltfile", "renovate", "dependabot", ".readthedocs", "tsconfig", "vite.config", "playwright.config", "jest.config", "vitest.config", "cypress.config", "launch.json", "tasks.json", "devbox.json", "process-compose"} {
		if strings.HasPrefix(base, start) {
			return true
		}
	}
	return false
}

// envFile matches the name of a file of variables that a platform or a program reads.
var envFile = pattern.New(`(?i)env[\w-]*files?["']?\s*[=:\s]\s*[\["'-]*\s*["']?([\w./-]+)|(?m:^\s*-?\s*envs?:\s*\n?)(?:\s*-\s*|\s*\[\s*)["']?([\w./-]+)`)

// bypassInEnvFiles checks files of variables that a platform's file or a pipeline names.
func (c *checker) bypassInEnvFiles(name, text string) {
	for _, m := range findAll(envFile, text) {
		word := m.groups[1] + m.groups[2]
		for _, file := range c.resolve(word, path.Dir(name)) {
			body, ok := readText(c.Project, file)
			if !ok || file == name {
				continue
			}
			lines, _ := assigned(file, string(body))
			for _, n := range lines {
				c.add("bypass.task", place{file: file, line: n}, "%s is set, and %s:%d gives this file to what runs the app", bypassVariable, name, m.line)
			}
		}
	}
}

// resolve returns the project's files that a path may mean, relative to a directory or to the project.
func (c *checker) resolve(word, dir string) (out []string) {
	for _, name := range []string{path.Join(dir, word), path.Clean(strings.TrimPrefix(word, "/"))} {
		if word != "" && c.listed[name] && !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return out
}
