package preflight

import (
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"sdev/dev/pattern"
)

// deploys matches what brings something to a platform, and not what runs tests.
var deploys = pattern.New(`(?i)(?:docker|podman|image) push|build-push-action|buildx build[^\n]*--push|push:\s*true|kaniko|amazon-ecs|update-service|register-task-definition|ecr-login|ecs deploy|copilot (?:svc )?deploy|eb deploy|sam deploy|cdk deploy` +
	`|gcloud (?:beta )?(?:run|app|builds)|deploy-(?:cloudrun|appengine)|wrangler|snow streamlit|(?:terraform|tofu|terragrunt) (?:[\w-]+ )*apply|pulumi up|fly(?:ctl)? (?:deploy|secrets)|flyctl-actions|az (?:containerapp|webapp|acr)|azure/[\w-]*deploy|container-apps-deploy` +
	`|kubectl (?:apply|set)|helm (?:upgrade|install)|kustomize build|stack deploy|heroku (?:container|config)|heroku-deploy|railway up|render deploy|kamal deploy|nomad (?:job )?run|ansible-playbook|digitalocean/app_action|doctl apps|serverless deploy|sls deploy|git push (?:heroku|dokku)|uses:[^\n]*deploy|docker (?:context use|-H|--host)`)

// isPipeline reports whether a file belongs to a service that builds and deploys.
func isPipeline(name string) bool {
	base := path.Base(name)
	for _, dir := range []string{".github/workflows/", ".github/actions/", ".circleci/", ".gitlab/", ".buildkite/", ".semaphore/", ".woodpecker/", ".azure-pipelines/", ".gitea/workflows/", ".forgejo/workflows/"} {
		if strings.HasPrefix(name, dir) {
			return true
		}
	}
	for _, start := range []string{".gitlab-ci", "bitbucket-pipelines", "azure-pipelines", "Jenkinsfile", "cloudbuild", "buildspec", ".drone", ".woodpecker", ".travis", "codefresh", "appveyor", ".cirrus", ".semaphore"} {
		if strings.HasPrefix(base, start) {
			return true
		}
	}
	return false
}

// inDeployJobs keeps the lines that are in a job that deploys, or in no job of a pipeline that deploys. It also keeps
// build arguments: another job may push the image.
func inDeployJobs(text string, found []int) []int {
	if !occurs(deploys, text) {
		return nil
	}
	jobs := jobLines(text)
	lines := strings.Split(text, "\n")
	return slices.DeleteFunc(found, func(n int) bool {
		for _, job := range jobs {
			if job[0] <= n && n < job[1] {
				return !occurs(deploys, strings.Join(lines[job[0]-1:min(len(lines), job[1]-1)], "\n")) && !strings.Contains(continuedLine(text, n), "build-arg")
			}
		}
		return false
	})
}

// jobLines returns the first line of each job of a pipeline, and the line after its last. Without a key "jobs", a
// mapping with a script or steps is a job.
func jobLines(text string) (out [][2]int) {
	var doc yaml.Node
	if yaml.Unmarshal([]byte(text), &doc) != nil || len(doc.Content) == 0 || doc.Content[0].Kind != yaml.MappingNode {
		return nil
	}
	top := doc.Content[0]
	end := 1 + len(strings.Split(text, "\n"))
	if jobs := mappingValue(top, "jobs"); jobs != nil && jobs.Kind == yaml.MappingNode {
		for i := 0; i < len(top.Content); i += 2 { // lines after the jobs belong to none
			if line := top.Content[i].Line; line > jobs.Line {
				end = min(end, line)
			}
		}
		return entryLines(jobs, end)
	}
	all := entryLines(top, end)
	for i, lines := range all {
		job := top.Content[2*i+1]
		if mappingValue(job, "script") != nil || mappingValue(job, "steps") != nil || mappingValue(job, "commands") != nil {
			out = append(out, lines)
		}
	}
	return out
}

// entryLines returns the first line of each entry of a mapping, and the line after its last.
func entryLines(n *yaml.Node, end int) (out [][2]int) {
	for i := 0; i+1 < len(n.Content); i += 2 {
		until := end
		if i+2 < len(n.Content) {
			until = n.Content[i+2].Line
		}
		out = append(out, [2]int{n.Content[i].Line, until})
	}
	return out
}

// continuedLine returns a line of a text, joined with the lines that a backslash continues.
func continuedLine(text string, line int) string {
	lines := strings.Split(text, "\n")
	continued := func(i int) bool { return strings.HasSuffix(strings.TrimRight(lines[i], " \r"), `\`) }
	from, to := line-1, line-1
	for from > 0 && continued(from-1) {
		from--
	}
	for to+1 < len(lines) && continued(to) {
		to++
	}
	return strings.Join(lines[from:to+1], "\n")
}
