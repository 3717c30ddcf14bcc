package detect_test

import (
	"testing"

	"sdev/dev/detect"
	"sdev/dev/devtest"
)

// A later choice reads files that nothing has read before.
func TestDir_ReadsFilesAfterAChoice(t *testing.T) {
	dir := devtest.Project(t, map[string]string{
		"a/requirements.txt": "streamlit==1.41.0\n", "a/app.py": page, "b/requirements.txt": "streamlit==1.58.0\n", "b/app.py": page,
	})
	f, err := detect.Dir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for entry, want := range map[string]string{"b/app.py": "1.58.0", "a/app.py": "1.41.0"} {
		if f.Choose(entry, detect.Fact{Why: "--entry"}); f.Streamlit.Value != want || len(f.Unread) > 0 {
			t.Errorf("%s: Streamlit %q, want %s; unread %v", entry, f.Streamlit.Value, want, f.Unread)
		}
	}
}
