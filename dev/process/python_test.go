package process

import "testing"

func TestAccepts_FollowsTheSpecifiersOfPackages(t *testing.T) {
	for _, c := range []struct {
		specifier, version string
		want               bool
	}{
		{"", "3.11.7", true},
		{"3.11", "3.11.7", true},
		{"3.11", "3.12.0", false},
		{">=3.10", "3.11.7", true},
		{">=3.10", "3.9.2", false},
		{">=3.10,<3.13", "3.12.9", true},
		{">=3.10, <3.13", "3.13.0", false},
		{"<3.13", "3.13.0rc1", false},
		{"==3.11.*", "3.11.7", true},
		{"==3.11.*", "3.10.7", false},
		{"!=3.11.*", "3.11.7", false},
		{"~=3.10", "3.14.1", true},
		{"~=3.10", "4.0.0", false},
		{"~=3.10.2", "3.11.0", false},
		{"~=3.10.2", "3.10.9", true},
		{">3.10", "3.10.0", false},
		{"<=3.11", "3.11.0", true},
		{"what nobody reads", "3.11.0", true},
	} {
		if got := accepts(c.specifier, c.version); got != c.want {
			t.Errorf("%q accepts %s: %t, want %t", c.specifier, c.version, got, c.want)
		}
	}
}
