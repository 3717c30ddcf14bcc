package scaffold_test

import (
	"os"
	"path/filepath"
	"testing"

	"sdev/scaffold"
)

func TestAdoption_WritesOnlyWhatIsMissing(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "Dockerfile"), []byte("FROM mine\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("nowhere", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	offers := []scaffold.Offer{{Path: "Dockerfile", Content: []byte("FROM sdev\n")}, {Path: "link", Content: []byte("x")}, {Path: "sub/compose.yaml", Content: []byte("y")}}
	plan, err := scaffold.NewAdoption(dir, offers)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []scaffold.Status{scaffold.Skip, scaffold.Skip, scaffold.Create} {
		if plan.Files[i].Status != want {
			t.Errorf("%s: %s, want %s", plan.Files[i].Path, plan.Files[i].Status, want)
		}
	}
	if err := plan.Apply(t.Context()); err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]string{"Dockerfile": "FROM mine\n", "sub/compose.yaml": "y"} {
		if got, err := os.ReadFile(filepath.Join(dir, file)); err != nil || string(got) != want {
			t.Errorf("%s: %q, %v", file, got, err)
		}
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 3 {
		t.Errorf("the directory holds %v (%v)", entries, err)
	}
	second, err := scaffold.NewAdoption(dir, offers)
	if err != nil || !second.Empty() {
		t.Errorf("a second time: %+v, %v", second, err)
	}
}

func TestAdoption_RefusesAnythingButADirectory(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, target := range []string{file, filepath.Join(dir, "gone")} {
		if _, err := scaffold.NewAdoption(target, nil); err == nil {
			t.Errorf("%s was taken", target)
		}
	}
	if _, err := scaffold.NewAdoption(dir, []scaffold.Offer{{Path: "file/below"}}); err == nil {
		t.Error("a file below a file was taken")
	}
}
