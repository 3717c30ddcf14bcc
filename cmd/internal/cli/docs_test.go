package cli

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"

	"sdev/cmd/internal/console"
	"sdev/dev"
	"sdev/dev/config"
	"sdev/dev/devtest"
)

func TestReadme_HasTheExitCodes(t *testing.T) {
	readme, err := os.ReadFile("../../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range dev.ExitCodes() {
		if row := fmt.Sprintf("| %d | %s |", c.Code, c.About); !strings.Contains(string(readme), row) {
			t.Errorf("README has no row %q", row)
		}
	}
}

func TestReadme_NamesEveryCommand(t *testing.T) {
	readme, err := os.ReadFile("../../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	a := &commands{&console.Console{}}
	for _, cmd := range a.command().Commands() {
		if !cmd.Hidden && cmd.Name() != "help" && cmd.Name() != "version" && !strings.Contains(string(readme), cmd.Name()) {
			t.Errorf("README does not name sdev %s", cmd.Name())
		}
	}
}

func TestHelp_SaysWhatEveryCommandIsFor(t *testing.T) {
	a := &commands{&console.Console{}}
	for _, cmd := range a.command().Commands() {
		if cmd.Short == "" {
			t.Errorf("sdev %s has no short help", cmd.Name())
		}
	}
}

func TestMain_PrintsAnErrorOnceWithItsHint(t *testing.T) {
	s, out, errs := console.Buffers(nil)
	if code := Main(context.WithoutCancel(t.Context()), t.Context(), s, []string{"up", "--nonsense"}); code != dev.ExitUsage {
		t.Errorf("exit code %d", code)
	}
	if want := "sdev: unknown flag: --nonsense\nhint: see: sdev up --help\n"; errs.String() != want || out.Len() != 0 {
		t.Errorf("stderr %q, stdout %q", errs.String(), out.String())
	}
}

// The example in the help of x-sdev is valid in a compose file, without a change.
func TestHelp_OfXSdevCanBePastedIntoAComposeFile(t *testing.T) {
	_, text, _ := strings.Cut(xsdevText(), "\n\n  x-sdev:\n")
	text, _, _ = strings.Cut(text, "\n\n")
	dir := devtest.Project(t, map[string]string{
		"compose.yaml":                   "x-sdev:\n" + text + "\nservices:\n  streamlit-local:\n    image: shop\n    command: streamlit run app.py\n",
		"code_package/streamlit/Home.py": "",
		"corp-ca.pem":                    "",
	})
	p, err := config.Load(t.Context(), config.Options{Dir: dir})
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	s := p.Settings
	if s.Auth.Mode != dev.AppLogin || len(s.Auth.Users) == 0 || len(s.Auth.Policies) == 0 || s.Auth.Profile == "" || len(s.AWS.Parameters) == 0 || s.CA == "" || s.Entry == "" || len(s.Origins) == 0 {
		t.Errorf("%+v", s)
	}
}
