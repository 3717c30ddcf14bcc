package streamlit

import "testing"

func TestPaths_AreThoseOfBothGenerations(t *testing.T) {
	for path, want := range map[string][3]bool{ // stream, state, upload
		"/_stcore/stream":               {true, false, false},
		"/base/_stcore/health":          {false, true, false},
		"/_stcore/host-config":          {false, true, false},
		"/base/_stcore/upload_file/s/1": {false, false, true},
		"/stream":                       {true, false, false},
		"/healthz":                      {false, true, false},
		"/st-allowed-message-origins":   {false, true, false},
		"/upload_file":                  {false, false, true},
		"/":                             {},
		"/streams":                      {},
		"/media/upload_file.png":        {},
		"/_stcore/script-health-check":  {},
	} {
		if got := [3]bool{IsStream(path), IsState(path), IsUpload(path)}; got != want {
			t.Errorf("%s: %v, want %v", path, got, want)
		}
	}
}
