//go:build docker

package main

import (
	"strings"
	"testing"

	"sdev/dev"
)

// packages lists the installed packages, and every file of theirs with a hash of its content; bytecode is no part of
// a package.
const packages = `cd /opt/venv && python -c 'import importlib.metadata as m; print(sorted({d.name + "==" + d.version for d in m.distributions()}))' &&
	find . -type f -not -name '*.pyc' -not -name pyvenv.cfg -not -path '*/__pycache__/*' -print0 | sort -z | xargs -0 sha256sum`

// Packages that are added, changed and removed on top of the last image are, file by file, those of a full build.
func TestDockerPackages_AreThoseOfAFullBuildAfterEachChange(t *testing.T) {
	p := copyTree(t, "flat")
	up := p.attend()
	awaitEvent[dev.Ready](t, up)
	continued := func(list string) (layers string) {
		p.write("requirements.txt", list)
		for {
			step := awaitEvent[dev.BuildStep](t, up)
			if strings.HasPrefix(step.Text, "continue from the image of the last build") {
				break
			}
			if step.Step > 0 {
				t.Fatalf("a full build for %q: %+v", list, step)
			}
		}
		awaitEvent[dev.BuildDone](t, up)
		awaitEvent[dev.Ready](t, up)
		return p.inside(packages)
	}
	added := continued("streamlit==1.58.0\nhumanize==4.12.0\ninflection\n")
	if !strings.Contains(added, "humanize==4.12.0") || !strings.Contains(added, "inflection==") {
		t.Fatalf("added packages are missing: %.2000s", added)
	}
	changed := continued("streamlit==1.58.0\nhumanize==4.11.0\n")
	if !strings.Contains(changed, "humanize==4.11.0") || strings.Contains(changed, "inflection") {
		t.Fatalf("changed packages: %.2000s", changed)
	}
	p.run(0, "rebuild") // asked for, and so from nothing
	if full := p.inside(packages); full != changed {
		t.Errorf("a full build has other files:\n%.3000s\nthan the packages on top of the last image:\n%.3000s", full, changed)
	}
}
