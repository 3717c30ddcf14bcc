package tree_test

import (
	"testing"

	"sdev/dev/tree"
)

func TestEnds_FollowTheFileThatIsThere(t *testing.T) {
	for _, c := range []struct{ current, unix, ends string }{
		{"a\r\nb\r\n", "a\nb\n", "x\r\ny\r\n"},
		{"a\nb\n", "a\nb\n", "x\ny\n"},
		{"a\r\nb\n", "a\r\nb\n", "x\ny\n"}, // mixed: an edit
		{"a", "a", "x\ny\n"},
		{"", "", "x\ny\n"},
	} {
		if got := tree.UnixEnds([]byte(c.current)); string(got) != c.unix {
			t.Errorf("%q with the ends of Unix: %q", c.current, got)
		}
		if got := tree.EndsAs([]byte(c.current), []byte("x\ny\n")); string(got) != c.ends {
			t.Errorf("instead of %q: %q", c.current, got)
		}
	}
	if tree.UnixEnds(nil) != nil {
		t.Error("a file that is missing exists now")
	}
}
