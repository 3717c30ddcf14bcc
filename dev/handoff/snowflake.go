package handoff

import (
	"cmp"
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"sdev/dev"
	"sdev/dev/pattern"
)

// snowflake is Streamlit in Snowflake, which runs the source and no image.
func snowflake() Target {
	return Target{
		Name:      "snowflake",
		About:     "Streamlit in Snowflake, by the Snowflake CLI, from the source without an image",
		Params:    snowflakeParams(),
		Derive:    deriveSnowflake,
		NextSteps: nextSnowflake,

		languages: []language{
			{name: "sql", endings: []string{".sql"}, literal: scalar(sqlText)},
			{name: "ident", literal: scalarOrError(sqlIdent)},
		},
		guards: map[string]func(string) (string, error){"snowflake.yml": guardSnowflake},
	}
}

// sqlText is an SQL string for Snowflake, which interprets backslash escapes. Source: Snowflake documentation, "String
// & binary data types", section "Escape sequences in single-quoted string constants".
func sqlText(s string) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case r == '\'':
			b.WriteString("''")
		case r == '\\':
			b.WriteString(`\\`)
		case needsEscape(r):
			fmt.Fprintf(&b, `\u%04X`, r)
		default:
			b.WriteRune(r)
		}
	}
	return "'" + b.String() + "'"
}

// sqlIdent is an SQL identifier in double quotes, in which only the double quote is special.
func sqlIdent(s string) (string, error) {
	if s == "" || strings.ContainsFunc(s, needsEscape) {
		return "", fmt.Errorf("%q cannot be an SQL identifier", s)
	}
	return `"` + strings.ReplaceAll(s, `"`, `""`) + `"`, nil
}

// guardSnowflake refuses what the CLI would evaluate, because the CLI has no way to escape it. Source: Snowflake CLI
// documentation, "Using project templating".
func guardSnowflake(s string) (string, error) {
	for _, sign := range []string{"<%", "&{"} {
		if strings.Contains(s, sign) {
			return "", fmt.Errorf("%s contains %s, which the Snowflake CLI would evaluate", s, sign)
		}
	}
	return s, nil
}

func snowflakeParams() []Param {
	name := matches(pattern.New(`^[A-Z_][A-Z0-9_$]{0,254}$`), "an identifier of capital letters, digits, _ and $, as Snowflake stores it")
	return []Param{
		{
			Name: "runtime", About: "container: the packages of your lock file, with Streamlit 1.50 or newer; warehouse: the packages of Snowflake's channel",
			Choices: []string{"container", "warehouse"}, Default: "container",
		},
		{Name: "name", About: "name of the app in Snowflake", Check: name, FromFacts: snowflakeName, Placeholder: "STREAMLIT_APP"},
		{Name: "database", About: "database of the app; created if it does not exist", Check: name, Placeholder: "EXAMPLE_DATABASE"},
		{Name: "schema", About: "schema of that database", Check: name, Default: "STREAMLIT"},
		{Name: "warehouse", About: "warehouse that runs the app's queries; list them with: snow object list warehouse", Check: name, Placeholder: "EXAMPLE_WAREHOUSE"},
		{Name: "role", About: "role that deploys and owns the app; the app's queries have its permissions", Check: name, Default: "STREAMLIT_OWNER"},
		{Name: "roles", About: "roles that may open the app, separated by commas", Check: listOf(0, name), Placeholder: "EXAMPLE_VIEWER"},
		{
			Name: "groups", About: "the role of each group in a policy: NAME=ROLE, separated by commas", Optional: true,
			Check: listOf(0, func(s string) error {
				group, role, ok := strings.Cut(s, "=")
				if !ok || group == "" {
					return errors.New("want NAME=ROLE")
				}
				return name(role)
			}),
		},
		{Name: "compute-pool", About: "container: compute pool that the app runs in; created if it does not exist", Check: name, Default: "STREAMLIT_POOL"},
		{Name: "packages-access", About: "container: external access integration for PyPI; created if it does not exist", Check: name, Default: "STREAMLIT_PYPI"},
		{
			Name: "streamlit-version", About: "warehouse: version of Streamlit, one that Snowflake has; empty for Snowflake's default", Optional: true,
			Check: matches(pattern.New(`^1\.\d{1,3}(\.\d{1,3})?$`), "a version such as 1.50.0"),
		},
		{
			Name: "sources", About: "files and directories of the project to upload, separated by commas",
			Check: listOf(1, checkSource), FromFacts: sources, Placeholder: "streamlit_app.py",
		},
	}
}

// snowflakeName derives a Snowflake identifier from the project's name.
func snowflakeName(f Facts) (Value, bool) {
	name, ok := appName(60)(f)
	name.Text = strings.ToUpper(strings.ReplaceAll(name.Text, "-", "_"))
	return name, ok
}

// checkSource accepts a path within the project.
func checkSource(s string) error {
	if clean := path.Clean(s); clean != s || path.IsAbs(s) || s == ".." || strings.HasPrefix(s, "../") {
		return errors.New("want a path within the project, as git shows it")
	}
	return nil
}

// sources are the files and directories at the top of the project that contain the entry script, its pages and the
// project's modules that it imports.
func sources(f Facts) (Value, bool) {
	entry := path.Clean(f.App.Entry)
	if f.App.Entry == "" || strings.Contains(entry, ",") {
		return Value{}, false
	}
	top, _, _ := strings.Cut(entry, "/")
	all := []string{top}
	files := []string{}
	for _, page := range f.App.Pages {
		files = append(files, page.Script)
	}
	for _, i := range f.App.Imports {
		files = append(files, i.File)
	}
	for _, file := range files {
		top, _, below := strings.Cut(path.Clean(file), "/")
		if !slices.Contains(all, top) && !strings.Contains(top, ",") && (below || strings.HasSuffix(top, ".py")) && !slices.Contains([]string{"tests", "test", "deploy", ".."}, top) {
			all = append(all, top)
		}
	}
	slices.Sort(all[1:])
	return Value{Text: strings.Join(all, ","), Source: "the entry and what it imports"}, true
}

// deriveSnowflake computes what else the templates of snowflake need.
func deriveSnowflake(f Facts, v Values) (map[string]any, []dev.Finding) {
	packages, findings := packagesOf(f, v)
	roles, inexpressible := rolesOf(f, v)
	incompatibilities := snowflakeIncompatibilities(f, v)
	findings = slices.Concat(findings, inexpressible)
	for _, t := range incompatibilities {
		findings = append(findings, dev.Finding{
			ID: t.id, Severity: t.severity, File: t.file, Line: t.line, Docs: t.docs(),
			Message: t.What + ": " + t.Why, Fix: t.Instead,
		})
	}
	entry := path.Clean(cmp.Or(f.App.Entry, "streamlit_app.py"))
	streamlit := "streamlit>=1.50"
	if f.App.Streamlit.Text != "" {
		streamlit = "streamlit==" + f.App.Streamlit.Text
	}
	return map[string]any{
		"main":              path.Base(entry),
		"entryDir":          path.Dir(entry),
		"sources":           splitList(v.Text("sources")),
		"packages":          packages,
		"streamlit":         streamlit,
		"distributions":     distributions(f, v.Text("runtime") == "warehouse"),
		"roles":             roles,
		"incompatibilities": groupByReason(incompatibilities),
		"object":            qualifiedName(v),
		"comment":           "handed over by sdev",
	}, findings
}

// packagesOf says where the list of packages comes from: "conda" is a rendered environment.yml, "uv" and "requirements"
// are lock files of the project, "imports" are the imports of the code.
func packagesOf(f Facts, v Values) (string, []dev.Finding) {
	const docs = "https://docs.snowflake.com/en/developer-guide/streamlit/app-development/dependency-management"
	if v.Text("runtime") == "warehouse" {
		return "conda", []dev.Finding{{
			ID: "snowflake.packages", Severity: dev.Warns, File: f.App.Deps.Text, Docs: docs,
			Message: "the warehouse runtime has the packages and versions of Snowflake's channel, which sdev does not know, so environment.yml has no versions",
			Fix:     "compare environment.yml with information_schema.packages, or set runtime to container",
		}}
	}
	switch f.App.Manager {
	case "uv":
		return "uv", nil
	case "pip":
		return "requirements", nil
	}
	return "imports", []dev.Finding{{
		ID: "snowflake.packages", Severity: dev.Warns, File: f.App.Deps.Text, Docs: docs,
		Message: "the project has no lock file that pip can read, so requirements.txt lists what the code imports, without versions",
		Fix:     "pin each line of requirements.txt in the bundle with ==",
	}}
}

// distributions are the packages that provide the app's imports, without Streamlit.
func distributions(f Facts, conda bool) []string {
	names := map[string]string{
		"PIL": "pillow", "bs4": "beautifulsoup4", "cv2": "opencv-python-headless", "dateutil": "python-dateutil", "docx": "python-docx",
		"dotenv": "python-dotenv", "jwt": "PyJWT", "sklearn": "scikit-learn", "snowflake": "snowflake-snowpark-python", "yaml": "pyyaml",
	}
	all := []string{}
	for _, i := range f.App.Imports {
		name := cmp.Or(names[i.Module], strings.ReplaceAll(i.Module, "_", "-"))
		if conda && i.Module == "cv2" {
			name = "opencv"
		}
		if conda {
			name = strings.ToLower(name)
		}
		if i.Module != "streamlit" && !slices.Contains(all, name) {
			all = append(all, name)
		}
	}
	slices.Sort(all)
	return all
}

// rolesOf are the roles that may open the app. Snowflake grants access to roles, and only to a whole app.
func rolesOf(f Facts, v Values) ([]string, []dev.Finding) {
	const docs = "https://docs.snowflake.com/en/developer-guide/streamlit/owners-rights"
	var findings []dev.Finding
	add := func(p dev.Policy, id string, severity dev.Severity, message, fix string) {
		finding := dev.Finding{ID: id, Severity: severity, Message: message, Fix: fix, Docs: docs}
		finding.File, finding.Line = splitOrigin(p.Origin)
		findings = append(findings, finding)
	}
	roles := splitList(v.Text("roles"))
	names := map[string]string{}
	for _, pair := range splitList(v.Text("groups")) {
		group, role, _ := strings.Cut(pair, "=")
		names[group] = role
	}
	for _, p := range f.Policy {
		whole := p.Path == "/*"
		if whole && !p.Allow.Anyone {
			roles = []string{} // only those of the policy may open the app
		}
		if !whole && !p.Allow.Anyone {
			add(p, "policy.snowflake.path", dev.Blocks, fmt.Sprintf("%s is %s, but Snowflake grants access to the whole app, so whoever opens it reaches every page", p.Path, p.Allow),
				"check st.user.email in the page, or move the page to a separate app; then suppress this finding with that reason")
		}
		if len(p.Allow.Emails)+len(p.Allow.Domains) > 0 {
			add(p, "policy.snowflake.people", dev.Warns, "the policy names e-mail addresses or domains, but Snowflake grants access to roles, so the policy admits none of them", "give these people one of the roles")
		}
		for _, group := range p.Allow.Groups {
			if names[group] == "" {
				add(p, "policy.group", dev.Warns, fmt.Sprintf("group %s has no role in Snowflake, so its people have no access", group), "set it: sdev deploy snowflake --set groups="+group+"=ROLE, or x-sdev.deploy.snowflake.groups")
				continue
			}
			roles = append(roles, names[group])
		}
	}
	slices.Sort(roles)
	return slices.Compact(roles), findings
}

// incompatibility is something in the project that does not work in Snowflake.
type incompatibility struct {
	What, Why, Instead string
	Place              string   // "Home.py:12"
	Places             []string // of all that have the same reason

	id       string
	severity dev.Severity
	file     string
	line     int
}

func (t incompatibility) docs() string {
	if t.id == "snowflake.login" {
		return "https://docs.snowflake.com/en/developer-guide/streamlit/object-management/security"
	}
	return "https://docs.snowflake.com/en/developer-guide/streamlit/limitations"
}

// limit is a restriction of Snowflake on a module or a call.
type limit struct {
	severity     dev.Severity
	why, instead string
}

// limits are the known restrictions, by module or call. Source: Snowflake documentation, "Limitations and library
// changes in Streamlit in Snowflake", "External network access in Streamlit in Snowflake".
func limits() map[string]limit {
	login := limit{dev.Blocks, "Snowflake signs people in, and its frame blocks a login with redirects or cookies", "take the person from st.user"}
	aws := limit{dev.Warns, "there is neither ~/.aws nor a task role, and the app cannot connect to anything outside Snowflake", "keep the value in a Snowflake secret, or create an external access integration for AWS, with credentials in a secret"}
	network := limit{dev.Warns, "the app cannot connect to anything outside Snowflake", "create a network rule and an external access integration, and name it in snowflake.yml"}
	files := limit{dev.Warns, "only the temporary directory is writable, and its files disappear with the session", "write to a stage or a table"}
	process := limit{dev.Warns, "the app can run no other programs", "do it in Python, or in a service of Snowpark Container Services"}
	return map[string]limit{
		"streamlit_oauth": login, "streamlit_authenticator": login, "streamlit_google_auth": login, "streamlit_keycloak": login, "streamlit_cognito_auth": login,
		"extra_streamlit_components": login, "streamlit_cookies_controller": login, "streamlit_cookies_manager": login, "authlib": login, "httpx_oauth": login, "msal": login,
		"boto3": aws, "botocore": aws, "aioboto3": aws, "aiobotocore": aws, "s3fs": aws, "awswrangler": aws,
		"requests": network, "httpx": network, "aiohttp": network, "urllib3": network, "openai": network, "anthropic": network, "redis": network,
		"psycopg": network, "psycopg2": network, "pymysql": network, "pymongo": network, "pyodbc": network, "google": network, "azure": network,
		"docker": process, "subprocess": process, "multiprocessing": process,
		"st.login": login, "st.logout": login, "st.context.cookies": login,
		"st.context.headers": {dev.Warns, "no identity proxy of yours sends them", "take the person from st.user"},
		"st.components":      {dev.Warns, "a component works only if it loads nothing from outside Snowflake", "test it in Snowflake, or use a widget of Streamlit"},
		"file:write":         files,
	}
}

// groupByReason combines incompatibilities with the same reason into one row.
func groupByReason(all []incompatibility) []incompatibility {
	var rows []incompatibility
	for _, t := range all {
		i := slices.IndexFunc(rows, func(r incompatibility) bool { return r.Why == t.Why && r.Instead == t.Instead })
		if i < 0 {
			t.Places = []string{t.Place}
			rows = append(rows, t)
			continue
		}
		if !slices.Contains(strings.Split(rows[i].What, ", "), t.What) {
			rows[i].What += ", " + t.What
		}
		rows[i].Places = append(rows[i].Places, t.Place)
	}
	return rows
}

// snowflakeIncompatibilities are the imports, calls and properties of the project that do not work in Snowflake.
func snowflakeIncompatibilities(f Facts, v Values) []incompatibility {
	known := limits()
	var all []incompatibility
	add := func(id string, l limit, what, file string, line int) {
		t := incompatibility{What: what, Why: l.why, Instead: l.instead, Place: file, id: id, severity: l.severity, file: file, line: line}
		if line > 0 {
			t.Place += ":" + strconv.Itoa(line)
		}
		same := func(o incompatibility) bool {
			return o.file == t.file && o.What == t.What && (o.line == t.line || id == "snowflake.import")
		}
		if id == "snowflake.login" { // its import is reported already
			same = func(o incompatibility) bool { return o.Why == t.Why }
		}
		if !slices.ContainsFunc(all, same) {
			all = append(all, t)
		}
	}
	for _, i := range f.App.Imports {
		l, ok := known[i.Module]
		if !ok && (strings.HasPrefix(i.Module, "streamlit_") || strings.HasPrefix(i.Module, "st_")) {
			l, ok = limit{dev.Warns, "a third-party component works only if it loads nothing from outside Snowflake", "test it in Snowflake, or use a widget of Streamlit"}, true
		}
		if ok {
			add("snowflake.import", l, "import "+i.Module, i.File, i.Line)
		}
	}
	for _, c := range awsCalls(f) {
		l := known["boto3"]
		l.severity = dev.Blocks
		add("snowflake.call", l, "a call to AWS", c.File, c.Line)
	}
	for _, c := range f.App.Calls {
		if l, ok := known[c.What]; ok {
			add("snowflake.call", l, strings.TrimPrefix(c.What, "file:"), c.File, c.Line)
		}
	}
	for _, login := range f.App.Login {
		if login.Text != "none" {
			file, line := splitOrigin(login.Source)
			add("snowflake.login", known["st.login"], "the app's own login ("+login.Text+")", file, line)
		}
	}
	return append(all, projectIncompatibilities(f, v)...)
}

// projectIncompatibilities are properties of the whole project that do not fit Snowflake.
func projectIncompatibilities(f Facts, v Values) []incompatibility {
	var all []incompatibility
	add := func(id string, severity dev.Severity, what, why, instead, file string) {
		all = append(all, incompatibility{What: what, Why: why, Instead: instead, Place: file, id: id, severity: severity, file: file})
	}
	if f.App.Dockerfile != "" {
		add("snowflake.image", dev.Informs, "the Dockerfile", "Snowflake provides the operating system and Python", "do without what it installs besides Python packages",
			path.Join(cmp.Or(f.App.Context, "."), f.App.Dockerfile))
	}
	if len(f.App.Env) > 0 {
		var names []string
		for _, one := range f.App.Env {
			names = append(names, one.Name)
		}
		add("snowflake.environment", dev.Warns, "environment variables ("+strings.Join(names, ", ")+")", "Snowflake sets none for an app", "put the values into the code or a table, and secrets into Snowflake secrets", "")
	}
	if s := f.App.Streamlit.Text; s != "" && v.Text("runtime") == "container" && isOlder(s, 50) {
		add("snowflake.streamlit", dev.Blocks, "Streamlit "+s, "the container runtime needs 1.50 or newer", "pin a newer version", f.App.Deps.Text)
	}
	if p := f.App.Python.Text; p != "" && p != "3.11" && !strings.HasPrefix(p, "3.11.") {
		add("snowflake.python", dev.Warns, "Python "+p, "Snowflake runs Python 3.11", "run the tests with 3.11", "")
	}
	return all
}

// isOlder reports whether a version of Streamlit is older than 1.minor.
func isOlder(version string, minor int) bool {
	parts := strings.SplitN(version, ".", 3)
	if len(parts) < 2 || parts[0] != "1" {
		return parts[0] == "0"
	}
	n, err := strconv.Atoi(parts[1])
	return err == nil && n < minor
}

// qualifiedName is the app's full name in Snowflake.
func qualifiedName(v Values) string {
	return v.Text("database") + "." + v.Text("schema") + "." + v.Text("name")
}

// nextSnowflake are the steps of README.md, in short.
func nextSnowflake(_ Facts, v Values) []Step {
	return []Step{
		{About: "In the bundle's directory, an administrator reads setup.sql and runs it", Run: "snow sql --filename setup.sql", Once: true},
		{About: "Collect the files to upload", Run: "./assemble.sh"},
		{About: "Upload them, and create the app", Run: "snow streamlit deploy app --replace --prune --role " + v.Text("role")},
		{About: "Print the app's URL", Run: "snow streamlit get-url " + qualifiedName(v)},
	}
}
