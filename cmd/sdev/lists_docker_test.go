//go:build docker

package main

import (
	"testing"

	"sdev/dev/devtest"
)

// Each way of listing packages, and listing none, leads to an app that imports them.
func TestDockerLists_EachKindIsInstalled(t *testing.T) {
	const shows = "import streamlit as st\nfrom core import title\nst.title(title())\n"
	const core = "import inflection\n\ndef title():\n    return inflection.titleize('every_kind')\n"
	const pyproject = "[build-system]\nrequires = [\"setuptools\"]\nbuild-backend = \"setuptools.build_meta\"\n[project]\nname = \"core\"\nversion = \"1\"\ndependencies = [\"inflection\"]\n"
	for name, files := range map[string]map[string]string{
		"none":     {"streamlit_app.py": shows, "core.py": core},
		"setup.py": {"streamlit_app.py": shows, "src/core/__init__.py": core, "setup.py": "from setuptools import setup\nsetup(name='core', version='1', package_dir={'': 'src'}, packages=['core'], install_requires=['inflection', 'streamlit'])\n"},
		"a local package": {"ui/streamlit_app.py": shows, "ui/requirements.txt": "streamlit\n-e ../libs/core\n",
			"libs/core/pyproject.toml": pyproject, "libs/core/core/__init__.py": core},
		"a script's own": {"streamlit_app.py": "# /// script\n# dependencies = [\"streamlit\", \"inflection\"]\n# ///\n" + shows, "core.py": core},
	} {
		t.Run(name, func(t *testing.T) {
			p := adopted(t, devtest.Project(t, files))
			p.up()
			entry := "streamlit_app.py"
			if files[entry] == "" {
				entry = "ui/" + entry
			}
			if got := p.runsScript(entry); got != "Every Kind" {
				t.Errorf("the script shows %q", got)
			}
		})
	}
}
