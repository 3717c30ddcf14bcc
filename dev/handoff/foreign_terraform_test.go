//go:build foreign

package handoff

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclparse"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// mustRun gives what a program printed, and fails the test where it ends with an error.
func mustRun(t *testing.T, dir string, env []string, name string, args ...string) string {
	t.Helper()
	out, ok := run(t, dir, env, name, args...)
	if !ok {
		t.Fatalf("%s %s:\n%s", filepath.Base(name), strings.Join(args, " "), out)
	}
	return out
}

// offline keeps terraform from reading settings of whoever runs the test, and from asking the network.
func offline() []string {
	return []string{"TF_CLI_CONFIG_FILE=" + os.DevNull, "CHECKPOINT_DISABLE=1", "TF_IN_AUTOMATION=1", "TF_DATA_DIR="}
}

// TestForeignTerraform_FormatsVariablesAndLocals has terraform itself read the bundles: their form, and
// the values against the types and rules of the variables. What needs a provider is left out here, and
// compared with the provider's schema in the next test.
func TestForeignTerraform_FormatsVariablesAndLocals(t *testing.T) {
	t.Parallel()
	terraform := program(t, "SDEV_FOREIGN_TERRAFORM")
	for _, target := range inTerraform() {
		everyBundle(t, target, func(t *testing.T, files map[string]string) {
			dir := t.TempDir()
			writeTree(t, dir, files)
			mustRun(t, dir, offline(), terraform, "fmt", "-check", "-diff", "-recursive")

			bare := filepath.Join(t.TempDir(), "bare")
			writeTree(t, bare, withoutProviders(t, files))
			mustRun(t, bare, offline(), terraform, "init", "-backend=false", "-input=false", "-no-color")
			mustRun(t, bare, offline(), terraform, "validate", "-no-color")
			mustRun(t, bare, offline(), terraform, "plan", "-input=false", "-no-color", "-lock=false")
		})
	}
}

// withoutProviders keeps the variables, and of the locals those that no resource is needed for.
func withoutProviders(t *testing.T, files map[string]string) map[string]string {
	t.Helper()
	out := map[string]string{"terraform.tfvars.json": files["terraform.tfvars.json"]}
	var kept strings.Builder
	for _, name := range sortedNames(files, ".tf") {
		source := []byte(files[name])
		for _, block := range blocks(t, name, source) {
			switch block.Type {
			case "variable":
				fmt.Fprintf(&kept, "%s\n", hcl.RangeBetween(block.TypeRange, block.CloseBraceRange).SliceBytes(source))
			case "locals":
				for _, local := range block.Body.Attributes {
					if !needsProvider(local.Expr) {
						fmt.Fprintf(&kept, "locals {\n%s\n}\noutput %q {\n  value = local.%s\n}\n", local.SrcRange.SliceBytes(source), local.Name, local.Name)
					}
				}
			}
		}
	}
	out["kept.tf"] = kept.String()
	return out
}

// needsProvider reports whether an expression refers to what only a provider knows, or to another local.
func needsProvider(e hcl.Expression) bool {
	return slices.ContainsFunc(e.Variables(), func(v hcl.Traversal) bool { return v.RootName() != "var" })
}

func sortedNames(files map[string]string, ending string) []string {
	var names []string
	for name := range files {
		if strings.HasSuffix(name, ending) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func blocks(t *testing.T, name string, source []byte) []*hclsyntax.Block {
	t.Helper()
	file, diags := hclparse.NewParser().ParseHCL(source, name)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	return file.Body.(*hclsyntax.Body).Blocks
}

// typings says in which file of the typings of Pulumi's packages a resource of Terraform is, which are
// made from the providers' schemas. A resource that is not here fails the test.
func typings() map[string]string {
	return map[string]string{
		"data google_project":                             "gcp/organizations/getProject",
		"google_artifact_registry_repository":             "gcp/artifactregistry/repository",
		"google_artifact_registry_repository_iam_member":  "gcp/artifactregistry/repositoryIamMember",
		"google_cloud_run_v2_service":                     "gcp/cloudrunv2/service",
		"google_cloud_run_v2_service_iam_member":          "gcp/cloudrunv2/serviceIamMember",
		"google_compute_backend_service":                  "gcp/compute/backendService",
		"google_compute_global_address":                   "gcp/compute/globalAddress",
		"google_compute_global_forwarding_rule":           "gcp/compute/globalForwardingRule",
		"google_compute_managed_ssl_certificate":          "gcp/compute/managedSslCertificate",
		"google_compute_region_network_endpoint_group":    "gcp/compute/regionNetworkEndpointGroup",
		"google_compute_security_policy":                  "gcp/compute/securityPolicy",
		"google_compute_ssl_policy":                       "gcp/compute/sslpolicy",
		"google_compute_target_http_proxy":                "gcp/compute/targetHttpProxy",
		"google_compute_target_https_proxy":               "gcp/compute/targetHttpsProxy",
		"google_compute_url_map":                          "gcp/compute/urlmap",
		"google_iam_workload_identity_pool":               "gcp/iam/workloadIdentityPool",
		"google_iam_workload_identity_pool_provider":      "gcp/iam/workloadIdentityPoolProvider",
		"google_iap_settings":                             "gcp/iap/settings",
		"google_iap_web_backend_service_iam_member":       "gcp/iap/webBackendServiceIamMember",
		"google_iap_web_cloud_run_service_iam_member":     "gcp/iap/webCloudRunServiceIamMember",
		"google_identity_platform_config":                 "gcp/identityplatform/config",
		"google_identity_platform_tenant":                 "gcp/identityplatform/tenant",
		"google_project_service":                          "gcp/projects/service",
		"google_project_service_identity":                 "gcp/projects/serviceIdentity",
		"google_service_account":                          "gcp/serviceaccount/account",
		"google_service_account_iam_member":               "gcp/serviceaccount/iammember",
		"cloudflare_dns_record":                           "cloudflare/dnsRecord",
		"cloudflare_zero_trust_access_application":        "cloudflare/zeroTrustAccessApplication",
		"cloudflare_zero_trust_access_policy":             "cloudflare/zeroTrustAccessPolicy",
		"cloudflare_zero_trust_tunnel_cloudflared":        "cloudflare/zeroTrustTunnelCloudflared",
		"cloudflare_zero_trust_tunnel_cloudflared_config": "cloudflare/zeroTrustTunnelCloudflaredConfig",
	}
}

// TestForeignTerraform_ArgumentsAreTheProviders compares every resource, argument and nested block, and
// every attribute that is referred to, with the providers' schemas.
func TestForeignTerraform_ArgumentsAreTheProviders(t *testing.T) {
	t.Parallel()
	s := newSchemas(program(t, "SDEV_FOREIGN_TYPINGS"))
	t.Run("a wrong one is found", s.findWhatIsWrong)
	for _, target := range inTerraform() {
		everyBundle(t, target, func(t *testing.T, files map[string]string) {
			for _, problem := range s.check(t, files) {
				t.Error(problem)
			}
		})
	}
}

// schemas are the typings, read as text.
type schemas struct {
	dir   string
	cache map[string]map[string]field // by "gcp/compute/backendService#Args", "gcp#compute.BackendServiceIap"
	text  map[string]string
}

// field is a property in the typings.
type field struct {
	optional bool
	typ      string
}

func newSchemas(dir string) *schemas {
	return &schemas{dir: dir, cache: map[string]map[string]field{}, text: map[string]string{}}
}

// findWhatIsWrong shows that the comparison can fail.
func (s *schemas) findWhatIsWrong(t *testing.T) {
	for name, c := range map[string]struct{ source, want string }{
		"sound":              {`resource "google_service_account" "a" { account_id = "a" }`, ""},
		"resource":           {`resource "google_iap_client" "a" { }`, "google_iap_client"},
		"argument":           {`resource "google_service_account" "a" { account = "a" }`, "account"},
		"missing":            {`resource "google_compute_region_network_endpoint_group" "a" { name = "a" }`, "region is missing"},
		"nested":             {"resource \"google_cloud_run_v2_service\" \"a\" {\n location = \"a\"\n template {\n scaling {\n max = 1\n }\n }\n }", "max"},
		"dynamic":            {"resource \"google_cloud_run_v2_service\" \"a\" {\n location = \"a\"\n template {\n containers {\n image = \"a\"\n dynamic \"env\" {\n for_each = []\n content {\n key = \"a\"\n }\n }\n }\n }\n }", "key"},
		"block as argument":  {`resource "google_compute_backend_service" "a" { iap = { enabled = true } }`, "iap"},
		"argument as block":  {"resource \"google_service_account\" \"a\" {\n account_id {\n }\n }", "account_id"},
		"object":             {`resource "cloudflare_zero_trust_tunnel_cloudflared_config" "a" { tunnel_id = "a", account_id = "b" }`, "parse"},
		"object's argument":  {"resource \"cloudflare_zero_trust_access_policy\" \"a\" {\n account_id = \"a\"\n name = \"a\"\n decision = \"allow\"\n include = [for x in [] : { mail = { email = x } }]\n }", "mail"},
		"attribute referred": {"resource \"google_service_account\" \"a\" {\n account_id = \"a\"\n }\n output \"x\" {\n value = google_service_account.a.mail\n }", "mail"},
		"resource referred":  {"output \"x\" {\n value = google_service_account.b.email\n }", "google_service_account.b"},
		"variable referred":  {"output \"x\" {\n value = var.nothing\n }", "var.nothing"},
		"local-exec":         {"resource \"google_service_account\" \"a\" {\n account_id = \"a\"\n provisioner \"local-exec\" {\n command = \"id\"\n }\n }", "provisioner"},
	} {
		t.Run(name, func(t *testing.T) {
			if c.want == "parse" {
				c.source, c.want = "resource \"cloudflare_zero_trust_tunnel_cloudflared_config\" \"a\" {\n account_id = \"a\"\n tunnel_id = \"b\"\n config = { ingress = [{ services = \"a\" }] }\n }", "services"
			}
			problems := s.check(t, map[string]string{"a.tf": c.source})
			if c.want == "" && len(problems) > 0 || c.want != "" && !strings.Contains(strings.Join(problems, "\n"), c.want) {
				t.Errorf("found %q, want one with %q", problems, c.want)
			}
		})
	}
}

var (
	property = regexp.MustCompile(`(?m)^\s*(?:readonly )?([A-Za-z0-9_]+)(\??): (.*)$`)
	inputRef = regexp.MustCompile(`inputs\.([A-Za-z0-9_.]+)`)
)

// source is a file of the typings without comments.
func (s *schemas) source(t *testing.T, name string) string {
	t.Helper()
	if text, ok := s.text[name]; ok {
		return text
	}
	b, err := os.ReadFile(filepath.Join(s.dir, "pulumi-"+name+".d.ts"))
	if err != nil {
		t.Fatal(err)
	}
	s.text[name] = withoutComments(string(b))
	return s.text[name]
}

// withoutComments leaves out what stands between the signs of a comment.
func withoutComments(text string) string {
	var out strings.Builder
	for {
		before, rest, found := strings.Cut(text, "/*")
		out.WriteString(before)
		if !found {
			return out.String()
		}
		_, text, _ = strings.Cut(rest, "*/")
	}
}

// body is what stands between the braces of the first declaration that begins so.
func body(text, begin string) (string, bool) {
	at := strings.Index(text, begin)
	if at < 0 {
		return "", false
	}
	text = text[at:]
	depth := 0
	for i, r := range text {
		switch r {
		case '{':
			depth++
		case '}':
			if depth--; depth == 0 {
				return text[strings.IndexByte(text, '{')+1 : i], true
			}
		}
	}
	return "", false
}

func fieldsOf(text string) map[string]field {
	out := map[string]field{}
	for _, m := range property.FindAllStringSubmatch(text, -1) {
		out[m[1]] = field{optional: m[2] == "?", typ: m[3]}
	}
	return out
}

// declared are the properties of a resource: "Args" gives its arguments, "" its attributes.
func (s *schemas) declared(t *testing.T, file, kind string) map[string]field {
	t.Helper()
	key := file + "#" + kind
	if f, ok := s.cache[key]; ok {
		return f
	}
	text := s.source(t, file)
	begin := regexp.MustCompile(`export declare class [A-Za-z0-9]+ extends pulumi\.CustomResource \{`)
	if kind == "Args" {
		begin = regexp.MustCompile(`export interface [A-Za-z0-9]+Args \{`)
	}
	found := begin.FindString(text)
	if found == "" && kind == "" { // a data source
		found = regexp.MustCompile(`export interface [A-Za-z0-9]+Result \{`).FindString(text)
	}
	inner, ok := body(text, found)
	if found == "" || !ok {
		t.Fatalf("%s declares no %q", file, kind)
	}
	s.cache[key] = fieldsOf(inner)
	return s.cache[key]
}

// nested are the properties of the object that a type refers to; ok is false where it is none.
func (s *schemas) nested(t *testing.T, pkg, typ string) (map[string]field, bool) {
	t.Helper()
	m := inputRef.FindStringSubmatch(typ)
	if m == nil {
		return nil, false
	}
	key := pkg + "#" + m[1]
	if f, ok := s.cache[key]; ok {
		return f, true
	}
	text := s.source(t, pkg+"/types/input")
	name := m[1]
	if namespace, inner, ok := strings.Cut(name, "."); ok {
		text, _ = body(text, "export declare namespace "+namespace+" {")
		name = inner
	}
	inner, ok := body(text, "interface "+name+" {")
	if !ok {
		t.Fatalf("the typings refer to %s and do not declare it", m[1])
	}
	s.cache[key] = fieldsOf(inner)
	return s.cache[key], true
}

// find is the property of a name of Terraform's. Pulumi writes lists in the plural.
func find(fields map[string]field, name string) (string, bool) {
	parts := strings.Split(name, "_")
	for i := range parts[1:] {
		parts[i+1] = strings.ToUpper(parts[i+1][:1]) + parts[i+1][1:]
	}
	camel := strings.Join(parts, "")
	for _, candidate := range []string{camel, camel + "s", camel + "es", strings.TrimSuffix(camel, "y") + "ies"} {
		if _, ok := fields[candidate]; ok {
			return candidate, true
		}
	}
	return "", false
}

// check gives what is wrong with the files of a bundle.
func (s *schemas) check(t *testing.T, files map[string]string) []string {
	t.Helper()
	c := checker{schemas: s, known: map[string]string{}}
	var all []*hclsyntax.Block
	for _, name := range sortedNames(files, ".tf") {
		all = append(all, blocks(t, name, []byte(files[name]))...)
	}
	for _, b := range all {
		switch b.Type {
		case "resource":
			c.known[b.Labels[0]+"."+b.Labels[1]] = typings()[b.Labels[0]]
		case "data":
			c.known["data."+b.Labels[0]+"."+b.Labels[1]] = typings()["data "+b.Labels[0]]
		case "variable":
			c.known["var."+b.Labels[0]] = "-"
		case "locals":
			for name := range b.Body.Attributes {
				c.known["local."+name] = "-"
			}
		}
	}
	for _, b := range all {
		c.references(t, b.Body)
		if b.Type != "resource" && b.Type != "data" {
			continue
		}
		name := b.Labels[0]
		if b.Type == "data" {
			name = "data " + name
		}
		file, ok := typings()[name]
		if !ok {
			c.complain(b.Range(), "no provider has %s", name)
			continue
		}
		c.pkg, _, _ = strings.Cut(file, "/")
		c.block(t, b.Body, s.declared(t, file, "Args"), true)
	}
	return c.problems
}

type checker struct {
	*schemas
	pkg      string
	known    map[string]string // what can be referred to, and the typings of it
	problems []string
}

func (c *checker) complain(at hcl.Range, format string, args ...any) {
	c.problems = append(c.problems, at.String()+": "+fmt.Sprintf(format, args...))
}

// block checks what stands in a block against the properties of its type.
func (c *checker) block(t *testing.T, b *hclsyntax.Body, fields map[string]field, top bool) {
	t.Helper()
	given := map[string]bool{}
	for name, attr := range b.Attributes {
		if top && slices.Contains([]string{"count", "for_each", "depends_on", "provider"}, name) {
			continue
		}
		found, ok := find(fields, name)
		if !ok {
			c.complain(attr.Range(), "there is no argument %s", name)
			continue
		}
		given[found] = true
		inner, object := c.nested(t, c.pkg, fields[found].typ)
		if object && c.pkg == "gcp" {
			c.complain(attr.Range(), "%s is a block and no argument", name)
		}
		if object {
			c.object(t, attr.Expr, inner)
		}
	}
	for _, block := range b.Blocks {
		name, body := block.Type, block.Body
		if top && name == "lifecycle" {
			continue
		}
		if name == "dynamic" {
			name = block.Labels[0]
			for _, content := range block.Body.Blocks {
				body = content.Body
			}
		}
		found, ok := find(fields, name)
		if !ok {
			c.complain(block.Range(), "there is no block %s", name)
			continue
		}
		given[found] = true
		inner, object := c.nested(t, c.pkg, fields[found].typ)
		if !object || c.pkg != "gcp" {
			c.complain(block.Range(), "%s is an argument and no block", name)
			continue
		}
		c.block(t, body, inner, false)
	}
	for name, f := range fields {
		if !f.optional && !given[name] {
			c.complain(b.Range(), "%s is missing", snake(name))
		}
	}
}

func snake(camel string) string {
	return strings.ToLower(regexp.MustCompile(`([a-z0-9])([A-Z])`).ReplaceAllString(camel, "${1}_${2}"))
}

// object checks the keys of every object that an expression writes down.
func (c *checker) object(t *testing.T, e hclsyntax.Expression, fields map[string]field) {
	t.Helper()
	switch e := e.(type) {
	case *hclsyntax.TupleConsExpr:
		for _, item := range e.Exprs {
			c.object(t, item, fields)
		}
	case *hclsyntax.ForExpr:
		c.object(t, e.ValExpr, fields)
	case *hclsyntax.ConditionalExpr:
		c.object(t, e.TrueResult, fields)
		c.object(t, e.FalseResult, fields)
	case *hclsyntax.ParenthesesExpr:
		c.object(t, e.Expression, fields)
	case *hclsyntax.FunctionCallExpr:
		for _, arg := range e.Args {
			c.object(t, arg, fields)
		}
	case *hclsyntax.ObjectConsExpr:
		c.keys(t, e, fields)
	}
}

func (c *checker) keys(t *testing.T, e *hclsyntax.ObjectConsExpr, fields map[string]field) {
	t.Helper()
	given := map[string]bool{}
	for _, item := range e.Items {
		name := hcl.ExprAsKeyword(item.KeyExpr)
		found, ok := find(fields, name)
		if !ok {
			c.complain(item.KeyExpr.Range(), "there is no %s", name)
			continue
		}
		given[found] = true
		if inner, object := c.nested(t, c.pkg, fields[found].typ); object {
			c.object(t, item.ValueExpr, inner)
		}
	}
	for name, f := range fields {
		if !f.optional && !given[name] {
			c.complain(e.Range(), "%s is missing", snake(name))
		}
	}
}

// references checks that everything that is referred to is there, and has that attribute.
func (c *checker) references(t *testing.T, b *hclsyntax.Body) {
	t.Helper()
	for _, attr := range b.Attributes {
		if attr.Name == "ignore_changes" {
			continue
		}
		for _, v := range attr.Expr.Variables() {
			c.reference(t, v)
		}
	}
	for _, block := range b.Blocks {
		c.references(t, block.Body)
	}
}

func (c *checker) reference(t *testing.T, v hcl.Traversal) {
	t.Helper()
	var names []string
	for _, step := range v {
		switch step := step.(type) {
		case hcl.TraverseRoot:
			names = append(names, step.Name)
		case hcl.TraverseAttr:
			names = append(names, step.Name)
		}
	}
	parts := 2
	switch {
	case names[0] == "data":
		parts = 3
	case names[0] != "var" && names[0] != "local" && !strings.HasPrefix(names[0], "google_") && !strings.HasPrefix(names[0], "cloudflare_"):
		return // each, or an iterator of for and dynamic
	}
	if len(names) < parts {
		return
	}
	whole := strings.Join(names[:parts], ".")
	file, ok := c.known[whole]
	if !ok {
		c.complain(v.SourceRange(), "nothing declares %s", whole)
		return
	}
	if file == "-" || file == "" || len(names) == parts || names[parts] == "id" {
		return
	}
	if _, ok := find(c.declared(t, file, ""), names[parts]); !ok {
		c.complain(v.SourceRange(), "%s has no attribute %s", whole, names[parts])
	}
}
