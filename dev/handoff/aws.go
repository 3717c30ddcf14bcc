package handoff

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"sdev/dev"
	"sdev/dev/pattern"
)

// This file holds what the targets on AWS share: their parameters, and what they derive from the project.

// certificateARN matches the ARN of a certificate in ACM.
var certificateARN = pattern.New(`^arn:aws[a-z-]*:acm:([a-z0-9-]+):\d{12}:certificate/[A-Za-z0-9-]+$`)

func checkCertificate(s string) error {
	if s == "create" || certificateARN.MatchString(s) {
		return nil
	}
	return errors.New("want create or arn:aws:acm:REGION:ACCOUNT:certificate/ID")
}

// architecture is the CPU architecture that the image is built for, in the terms of ECS.
func architecture(f Facts) (Value, bool) {
	platform, source := f.Image.Platform, "the image"
	if platform == "" {
		platform, source = f.App.Platform, "platform of the service"
	}
	switch _, arch, _ := strings.Cut(platform, "/"); {
	case arch == "amd64":
		return Value{Text: "X86_64", Source: source}, true
	case strings.HasPrefix(arch, "arm64"):
		return Value{Text: "ARM64", Source: source}, true
	}
	return Value{}, false
}

// awsParams are the parameters of every target on AWS.
func awsParams() []Param {
	subnet := matches(pattern.New(`^subnet-[0-9a-f]{8,17}$`), "the ID of a subnet, subnet-…")
	return []Param{
		{
			Name: "name", About: "name of every resource: 2 to 24 lower-case letters, digits and dashes",
			Check: matches(pattern.New(`^[a-z][a-z0-9-]{0,22}[a-z0-9]$`), "2 to 24 lower-case letters, digits and dashes, starting with a letter"), FromFacts: appName(24), Placeholder: "streamlit-app",
		},
		{
			Name: "aws-account", About: "AWS account ID; look it up with: aws sts get-caller-identity --query Account",
			Check: matches(pattern.New(`^\d{12}$`), "12 digits"), Placeholder: "000000000000",
		},
		{
			Name: "region", About: "AWS region that the app runs in", Check: matches(pattern.New(`^[a-z]{2}(-[a-z]+)+-\d$`), "a region such as eu-central-1"),
			FromFacts: func(f Facts) (Value, bool) { return f.AWS.Region, f.AWS.Region.Text != "" }, Placeholder: "us-east-1",
		},
		{
			Name: "domain", About: "host name of the app, without https://",
			Check: checkHostName, Placeholder: "app.example.com",
		},
		{
			Name: "hosted-zone", About: "ID of the domain's Route 53 zone (aws route53 list-hosted-zones), or none if its DNS is elsewhere",
			Check: matches(pattern.New(`^(none|Z[A-Z0-9]{1,31})$`), "the ID of a zone, Z…, or none"), Placeholder: "Z00000000000000000000",
		},
		{Name: "certificate", About: "ARN of the domain's certificate in this region, or create to have one made", Check: checkCertificate, Default: "create"},
		{
			Name: "vpc", About: "ID of the VPC; look it up with: aws ec2 describe-vpcs --query Vpcs[].VpcId",
			Check: matches(pattern.New(`^vpc-[0-9a-f]{8,17}$`), "the ID of a VPC, vpc-…"), Placeholder: "vpc-00000000000000000",
		},
		{
			Name: "public-subnets", About: "subnets of the load balancer: two or more, in different zones, with a route to an internet gateway",
			Check: listOf(2, subnet), Placeholder: "subnet-00000000000000000,subnet-00000000000000001",
		},
		{
			Name: "app-subnets", About: "subnets of the app, with a NAT gateway; empty for the public subnets, with a public address that accepts no connections",
			Check: listOf(2, subnet), Optional: true,
		},
		{
			Name: "allowed-cidrs", About: "networks that may reach the app, such as your VPN's, separated by commas; 0.0.0.0/0 is everybody",
			Check: listOf(1, checkCIDR), Placeholder: "203.0.113.0/24",
		},
		{
			Name: "egress-ports", About: "ports that the app may reach on the internet, separated by commas",
			Check: listOf(1, checkPort), Default: "443",
		},
		{Name: "architecture", About: "CPU architecture that the image is built for", Choices: []string{"X86_64", "ARM64"}, FromFacts: architecture, Default: "X86_64"},
		{Name: "cpu", About: "CPU units of a task; 1024 are one core", Choices: []string{"256", "512", "1024", "2048", "4096", "8192"}, Default: "512"},
		{Name: "memory", About: "memory of a task, in MiB", Check: matches(pattern.New(`^[1-9]\d{2,5}$`), "a number of MiB, such as 1024"), Default: "1024"},
		{
			Name: "log-days", About: "how many days logs are kept",
			Choices: []string{"1", "3", "5", "7", "14", "30", "60", "90", "120", "150", "180", "365", "400", "545", "731", "1096"}, Default: "365",
		},
		{
			Name: "secrets", About: "variables that ECS sets from SSM parameters: NAME=/parameter, separated by commas", Optional: true,
			Check: listOf(1, checkSecret),
		},
		{
			Name: "kms-key", About: "ARN of the key that encrypts the SSM parameters, unless it is aws/ssm", Optional: true,
			Check: matches(pattern.New(`^arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:key/[A-Za-z0-9-]+$`), "arn:aws:kms:REGION:ACCOUNT:key/ID"),
		},
	}
}

// partition is the AWS partition of a region, as ARNs name it.
func partition(region string) string {
	switch {
	case strings.HasPrefix(region, "cn-"):
		return "aws-cn"
	case strings.HasPrefix(region, "us-gov-"):
		return "aws-us-gov"
	}
	return "aws"
}

// address is the URL that people open.
func address(f Facts, v Values) string {
	return strings.TrimSuffix("https://"+v.Text("domain")+path.Join("/", f.App.BasePath), "/")
}

// awsEnvironment is the app's environment. The target's own variables take precedence.
func awsEnvironment(f Facts, v Values) map[string]string {
	env := map[string]string{}
	for _, one := range f.App.Env {
		env[one.Name] = one.Value
	}
	maps.Copy(env, map[string]string{
		"AWS_REGION":         v.Text("region"),
		"AWS_DEFAULT_REGION": v.Text("region"),
		// The root is read-only, so libraries keep their caches below /tmp.
		"MPLCONFIGDIR":                   "/tmp/matplotlib",
		"XDG_CACHE_HOME":                 "/tmp/cache",
		"STREAMLIT_SERVER_ADDRESS":       "0.0.0.0",
		"STREAMLIT_SERVER_PORT":          strconv.Itoa(f.App.port()),
		"STREAMLIT_SERVER_ALLOWED_HOSTS": v.Text("domain"),
	})
	if f.App.signsInWith("streamlit-oauth") {
		env["OAUTH_REDIRECT_URI"] = address(f, v)
	}
	for name := range secrets(v) {
		delete(env, name) // ECS refuses a name that is both a variable and a secret
	}
	return env
}

// parameter is an SSM parameter.
type parameter struct {
	Name string // as the code and the commands write it
	Path string // as ARNs hold it, without the leading slash
}

// parameterName matches the names that SSM accepts. Other characters could have a meaning in an IAM policy.
var parameterName = pattern.New(`^/?[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*$`)

// parameters are the SSM parameters that the code reads, each once, sorted by name.
func parameters(f Facts) ([]parameter, []dev.Finding) {
	var all []parameter
	var findings []dev.Finding
	for _, call := range f.AWS.Parameters {
		if !parameterName.MatchString(call.Text) {
			findings = append(findings, dev.Finding{
				ID: "aws.parameter", Severity: dev.Blocks, File: call.File, Line: call.Line,
				Message: fmt.Sprintf("%q is not a valid name of an SSM parameter, so the app gets no permission to read it", call.Text),
				Fix:     "use a literal name of letters, digits and . _ - /",
				Docs:    "https://docs.aws.amazon.com/systems-manager/latest/userguide/sysman-paramstore-su-create.html",
			})
			continue
		}
		all = append(all, parameter{Name: call.Text, Path: strings.TrimPrefix(call.Text, "/")})
	}
	return distinctByName(all), findings
}

// variableName matches the variables that a shell can set.
var variableName = pattern.New(`^[A-Za-z_][A-Za-z0-9_]*$`)

func checkSecret(s string) error {
	if name, from, ok := strings.Cut(s, "="); !ok || !variableName.MatchString(name) || !parameterName.MatchString(from) {
		return errors.New("want NAME=/parameter: a variable, and the SSM parameter that holds its value")
	}
	return nil
}

// secrets are the variables that ECS sets from SSM, by name, each with its parameter.
func secrets(v Values) map[string]parameter {
	all := map[string]parameter{}
	for _, one := range splitList(v.Text("secrets")) {
		name, from, _ := strings.Cut(one, "=")
		all[name] = parameter{Name: from, Path: strings.TrimPrefix(from, "/")}
	}
	return all
}

// awsSecretVariables are the names of the variables that ECS sets from SSM.
func awsSecretVariables(v Values) []string { return slices.Sorted(maps.Keys(secrets(v))) }

// awsProvides are the names that the task definition gives the app.
func awsProvides(f Facts, v Values) Provided {
	p := provided(awsEnvironment(f, v), "the task definition")
	for name, from := range secrets(v) {
		p.Variables[name] = "the parameter " + from.Name
	}
	return p
}

// awsPlatform is the platform that the image has to be built for.
func awsPlatform(v Values) string {
	if v.Text("architecture") == "ARM64" {
		return "linux/arm64"
	}
	return "linux/amd64"
}

// distinctByName sorts parameters and removes duplicates.
func distinctByName(all []parameter) []parameter {
	slices.SortFunc(all, func(a, b parameter) int { return cmp.Compare(a.Name, b.Name) })
	return slices.Compact(all)
}

// storeSteps are the commands that store in SSM what the app reads, and what ECS sets.
func storeSteps(f Facts, v Values, secretVariables map[string]parameter) []Step {
	all, _ := parameters(f)
	all = slices.AppendSeq(all, maps.Values(secretVariables))
	var steps []Step
	for _, p := range distinctByName(all) {
		steps = append(steps, Step{
			About: "Store a value that the app reads, encrypted", Once: true,
			Run: fmt.Sprintf("aws ssm put-parameter --region %s --name %s --type SecureString --value file://FILE", v.Text("region"), p.Name),
		})
	}
	return steps
}

// fargateMemory is the smallest and the largest memory of a task with that CPU, and the step between sizes, all in MiB.
// Source: Amazon ECS developer guide, "Fargate task definition considerations", task CPU and memory.
func fargateMemory(cpu string) (minimum, maximum, step int) {
	switch cpu {
	case "256":
		return 512, 2048, 512
	case "512":
		return 1024, 4096, 1024
	case "1024":
		return 2048, 8192, 1024
	case "2048":
		return 4096, 16384, 1024
	case "4096":
		return 8192, 30720, 1024
	}
	return 16384, 61440, 4096
}

// awsFindings report values that contradict one another, and what does not work on AWS.
func awsFindings(f Facts, v Values) []dev.Finding {
	var findings []dev.Finding
	block := func(id, message, fix, docs string) {
		findings = append(findings, dev.Finding{ID: id, Severity: dev.Blocks, Message: message, Fix: fix, Docs: docs})
	}
	minimum, maximum, step := fargateMemory(v.Text("cpu"))
	if mib, err := strconv.Atoi(v.Text("memory")); err != nil || mib < minimum || mib > maximum || mib%step != 0 || minimum == 512 && mib == 1536 {
		block("aws.size", fmt.Sprintf("Fargate has no task size with cpu %s and memory %s", v.Text("cpu"), v.Text("memory")),
			fmt.Sprintf("set memory to a multiple of %d between %d and %d, or change cpu", step, minimum, maximum),
			"https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-tasks-services.html")
	}
	if m := certificateARN.FindStringSubmatch(v.Text("certificate")); m != nil && m[1] != v.Text("region") {
		block("aws.certificate.region", fmt.Sprintf("the certificate is in %s, but a load balancer in %s needs one in its own region", m[1], v.Text("region")),
			"request a certificate in "+v.Text("region")+", or set certificate to create", "https://docs.aws.amazon.com/acm/latest/userguide/acm-regions.html")
	}
	if built, ok := architecture(f); ok && built.Text != v.Text("architecture") {
		block("aws.architecture", fmt.Sprintf("%s is for %s, but the task definition says %s, so the app would not start", built.Source, built.Text, v.Text("architecture")),
			"set architecture to "+built.Text+", or build for the other platform", "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-tasks-services.html")
	}
	if strings.Contains(v.Text("allowed-cidrs"), ":") && !strings.Contains(v.Text("allowed-cidrs"), ".") {
		block("aws.ipv6", "allowed-cidrs has only IPv6 networks, but the load balancer answers over IPv4, so nobody reaches the app",
			"add the IPv4 networks", "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/application-load-balancers.html#ip-address-type")
	}
	for _, call := range f.App.Calls {
		if call.What == "file:write" {
			findings = append(findings, dev.Finding{
				ID: "aws.writes", Severity: dev.Warns, File: call.File, Line: call.Line,
				Message: "the app can write files only below /tmp, and they disappear with the task",
				Fix:     "write temporary files below tempfile.gettempdir(), and what has to stay to S3 or a database",
				Docs:    "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/using_data_volumes.html",
			})
		}
	}
	return findings
}
