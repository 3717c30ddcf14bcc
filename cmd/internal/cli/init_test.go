package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"sdev/cmd/internal/console"
	"sdev/dev"
	"sdev/dev/detect"
	"sdev/scaffold"
)

// runLine runs a command line in a directory of its own, without a terminal.
func runLine(t *testing.T, dir string, args ...string) (code int, out, errs string) {
	t.Helper()
	s, o, e := console.Buffers(nil)
	code = Main(t.Context(), t.Context(), s, append([]string{"-C", dir}, args...))
	return code, o.String(), e.String()
}

func wantLines(t *testing.T, text string, lines ...string) {
	t.Helper()
	for _, line := range lines {
		if !strings.Contains(text, line) {
			t.Errorf("output lacks %q:\n%s", line, text)
		}
	}
}

func exists(path ...string) bool {
	_, err := os.Lstat(filepath.Join(path...))
	return err == nil
}

func TestInit_MakesAProjectWithoutAsking(t *testing.T) {
	dir := t.TempDir()
	code, out, errs := runLine(t, dir, "init", "My Shop")
	if code != dev.ExitOK || errs != "" {
		t.Fatalf("exit %d: %s", code, errs)
	}
	shop := filepath.Join(dir, "My Shop")
	wantLines(t, out, "create     docker-compose.yml\n", `created "my-shop" in `+shop, "with a git repository", "next: cd '"+shop+"' && sdev up --local")
	for _, file := range []string{"code_package/streamlit/Home.py", "code_package/streamlit/util/google_oauth.py", "uv.lock", ".git"} {
		if !exists(shop, file) {
			t.Errorf("no %s", file)
		}
	}
}

func TestInit_AgainHasNothingToDo(t *testing.T) {
	dir := t.TempDir()
	runLine(t, dir, "init", "--name", "shop", "--auth", "none", "--deps", "pip", "--no-git")
	code, out, errs := runLine(t, dir, "init") // the record contains the answers
	if code != dev.ExitOK || errs != "" || out != "nothing to do: \"shop\" is as sdev created it\n" {
		t.Errorf("exit %d, out %q, err %q", code, out, errs)
	}
	if exists(dir, ".git") {
		t.Error("a repository appeared")
	}
	if err := os.WriteFile(filepath.Join(dir, "README.md"), []byte("mine"), 0o644); err != nil {
		t.Fatal(err)
	}
	_, out, _ = runLine(t, dir, "init", "--force")
	wantLines(t, out, "nothing to do", "1 file that you edited")
}

func TestInit_DryRunWritesNothing(t *testing.T) {
	dir := t.TempDir()
	code, out, _ := runLine(t, dir, "init", "shop", "--dry-run")
	if code != dev.ExitOK || exists(dir, "shop") {
		t.Errorf("exit %d, directory made: %v", code, exists(dir, "shop"))
	}
	wantLines(t, out, "create     uv.lock", "dry run")
}

func TestInit_JSONIsOneObject(t *testing.T) {
	dir := t.TempDir()
	for _, changed := range []bool{true, false} {
		code, out, _ := runLine(t, dir, "init", "shop", "--json", "--no-git")
		var got struct {
			V       int
			Type    string
			Dir     string
			Name    string
			Auth    string
			Deps    string
			Changed bool
			Files   []scaffold.File
		}
		if err := json.Unmarshal([]byte(out), &got); err != nil || code != dev.ExitOK {
			t.Fatalf("exit %d: %v in %s", code, err, out)
		}
		if got.V != 1 || got.Type != "init" || got.Dir != filepath.Join(dir, "shop") || got.Name != "shop" ||
			got.Auth != "streamlit-oauth" || got.Deps != "uv" || got.Changed != changed || len(got.Files) < 15 {
			t.Errorf("report: %+v", got)
		}
	}
}

func TestInit_ConflictIsShownAndNothingWritten(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "Dockerfile"), []byte("FROM mine\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	code, out, errs := runLine(t, dir, "init")
	if code != dev.ExitFailed || exists(dir, "uv.lock") {
		t.Errorf("exit %d, written: %v", code, exists(dir, "uv.lock"))
	}
	wantLines(t, out, "conflict   Dockerfile (exists and differs)")
	wantLines(t, errs, "sdev: 1 file is in the way", "Dockerfile", "hint:", "--force")

	code, out, _ = runLine(t, dir, "init", "--json")
	last := out[strings.LastIndex(strings.TrimSuffix(out, "\n"), "\n")+1:]
	var failed struct {
		Type string
		dev.Failed
	}
	if err := json.Unmarshal([]byte(last), &failed); err != nil || failed.Type != "error" || failed.Code != dev.CodeScaffoldConflict || code != dev.ExitFailed {
		t.Errorf("exit %d, last line %s: %v", code, last, err)
	}
	if code, _, errs := runLine(t, dir, "init", "--force"); code != dev.ExitOK {
		t.Errorf("with --force: exit %d, %s", code, errs)
	}
}

func TestInit_RefusesWrongUsage(t *testing.T) {
	for _, args := range [][]string{
		{"a", "b"}, {"--name", "My Shop"}, {"--auth", "saml"}, {"--deps", "poetry"}, {"--template", "x"}, {"--git", "--no-git"},
	} {
		dir := t.TempDir()
		code, out, errs := runLine(t, dir, append([]string{"init"}, args...)...)
		if code != dev.ExitUsage || out != "" || !strings.Contains(errs, "hint: ") {
			t.Errorf("%v: exit %d, out %q, err %q", args, code, out, errs)
		}
		if left, _ := os.ReadDir(dir); len(left) != 0 {
			t.Errorf("%v: left %v", args, left)
		}
	}
}

func TestInit_MakesNoRepositoryInsideOne(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, ".git"), 0o755); err != nil {
		t.Fatal(err)
	}
	if code, _, errs := runLine(t, dir, "init", "apps/shop", "--git"); code != dev.ExitOK || exists(dir, "apps/shop/.git") {
		t.Errorf("exit %d (%s), repository made: %v", code, errs, exists(dir, "apps/shop/.git"))
	}
}

func TestInit_MakesARepositoryLaterWhenAsked(t *testing.T) {
	dir := t.TempDir()
	runLine(t, dir, "init", "--no-git")
	code, out, _ := runLine(t, dir, "init", "--git")
	if code != dev.ExitOK || !exists(dir, ".git") {
		t.Errorf("exit %d, repository: %v", code, exists(dir, ".git"))
	}
	wantLines(t, out, "nothing to do", "created a git repository")
}

// A record that was edited by hand must not lead to half a project.
func TestInit_RefusesAnImpossibleRecord(t *testing.T) {
	dir := t.TempDir()
	record := `{"v":1,"answers":{"name":"shop","auth":"none","deps":"poetry"}}`
	if err := os.WriteFile(filepath.Join(dir, scaffold.RecordName), []byte(record), 0o644); err != nil {
		t.Fatal(err)
	}
	if code, _, errs := runLine(t, dir, "init"); code != dev.ExitUsage || exists(dir, "Dockerfile") {
		t.Errorf("exit %d: %s", code, errs)
	}
}

// initOnTerminal runs init on a terminal without cursor control, with a user who types input.
func initOnTerminal(t *testing.T, dir, input string, args ...string) (code int, out string) {
	t.Helper()
	return runOnTerminal(t, dir, input, append([]string{"init"}, args...)...)
}

// runOnTerminal does the same with any command.
func runOnTerminal(t *testing.T, dir, input string, args ...string) (code int, out string) {
	t.Helper()
	var o bytes.Buffer
	env := map[string]string{"TERM": "dumb"}
	s, _, _ := console.Buffers(env)
	// One byte at a time, as a user types: each question must read no further than its own line.
	s.In, s.Out, s.Err, s.InTTY, s.OutTTY = iotest.OneByteReader(strings.NewReader(input)), &o, io.Discard, true, true
	code = Main(t.Context(), t.Context(), s, append([]string{"-C", dir}, args...))
	return code, o.String()
}

func TestInit_AsksOnATerminal(t *testing.T) {
	for number, auth := range map[string]string{"1": "streamlit-oauth", "2": "native", "3": "alb", "4": "iap", "5": "cloudflare", "6": "none"} {
		dir := t.TempDir()
		code, out := initOnTerminal(t, dir, "store\n"+number+"\n2\n", "shop", "--no-git")
		if code != dev.ExitOK {
			t.Fatalf("exit %d: %s", code, out)
		}
		record, _, err := scaffold.ReadRecord(filepath.Join(dir, "shop"))
		want := map[string]string{"name": "store", "auth": auth, "deps": "pip"}
		if err != nil || !maps.Equal(record.Answers, want) {
			t.Errorf("answers %v, %v; asked:\n%s", record.Answers, err, out)
		}
	}
}

// Every kind of login is a flag's value, and its project is what "sdev up" takes that login for.
func TestInit_ProjectHasTheLoginThatWasAskedFor(t *testing.T) {
	for auth, want := range map[string]string{
		"streamlit-oauth": "code_package/streamlit/util/google_oauth.py", "native": "code_package/streamlit/util/login.py",
		"alb": "code_package/streamlit/util/alb_identity.py", "iap": "code_package/streamlit/util/iap_identity.py",
		"cloudflare": "code_package/streamlit/util/access_identity.py", "none": "",
	} {
		dir := t.TempDir()
		if code, _, errs := runLine(t, dir, "init", "--name", "shop", "--auth", auth, "--no-git"); code != dev.ExitOK {
			t.Fatalf("%s: exit %d: %s", auth, code, errs)
		}
		found, err := detect.Tree(os.DirFS(dir))
		if err != nil {
			t.Fatal(err)
		}
		others := slices.ContainsFunc(found.Auth[1:], func(f detect.Fact) bool { return !detect.IsGeneral(f.Value) })
		if others || found.Auth[0].Value != auth || found.Auth[0].File != want || (want != "") != (found.Auth[0].Line > 0) {
			t.Errorf("%s: the code has %+v", auth, found.Auth)
		}
		if reads := len(found.Login.Reads) > 0; reads != (want != "") {
			t.Errorf("%s: --local bypasses a login: %v", auth, reads)
		}
	}
}

func TestInit_AsksNothingAboutAnUnusableDirectory(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "holiday.jpg"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if code, out := initOnTerminal(t, dir, "", "holiday.jpg"); code != dev.ExitFailed || out != "" {
		t.Errorf("a file: exit %d: %s", code, out)
	}
	if code, out := initOnTerminal(t, dir, ""); code != dev.ExitFailed || out != "" {
		t.Errorf("a directory of other things: exit %d: %s", code, out)
	}
}

func TestInit_AsksOnlyForAnswersThatNoFlagGives(t *testing.T) {
	dir := t.TempDir()
	if code, out := initOnTerminal(t, dir, "", "shop", "--name", "a", "--auth", "none", "--deps", "uv"); code != dev.ExitOK || strings.Contains(out, "?") {
		t.Errorf("exit %d: %s", code, out)
	}
	if code, out := initOnTerminal(t, dir, "", "other", "--yes"); code != dev.ExitOK || strings.Contains(out, "?") {
		t.Errorf("exit %d: %s", code, out)
	}
	if code, out := initOnTerminal(t, dir, "3\n", "third", "--name", "b", "--auth", "none"); code != dev.ExitOK || !exists(dir, "third/environment.yml") {
		t.Errorf("exit %d: %s", code, out)
	}
}

func TestInit_RefusesDirectoriesOfTheSystemAndOfSdev(t *testing.T) {
	dir := t.TempDir()
	must(t, os.Symlink("/etc", dir+"/etc"), os.MkdirAll(dir+"/.git", 0o755))
	for _, target := range []string{"/", "/etc", "/etc/shop", "/usr/lib/shop", dir + "/etc/shop", dir + "/.git/shop", dir + "/.sdev", "/tmp"} {
		code, _, errs := runLine(t, dir, "init", target, "--yes", "--no-git", "--dry-run")
		if code != dev.ExitFailed || !strings.Contains(errs, "sdev cannot create a project in ") || !strings.Contains(errs, ": it is ") && !strings.Contains(errs, ": sdev keeps") || !strings.Contains(errs, "hint: ") {
			t.Errorf("init %s: exit %d, %s", target, code, errs)
		}
	}
	if code, _, errs := runLine(t, dir, "init", dir+"/shop", "--yes", "--no-git", "--dry-run"); code != dev.ExitOK {
		t.Errorf("exit %d: %s", code, errs)
	}
}

func must(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}
