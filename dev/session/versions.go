package session

import (
	"context"
	"encoding/json"
	"path/filepath"
	"strconv"

	"sdev/dev"
	"sdev/dev/detect"
	"sdev/dev/pattern"
)

// versionsFile is the cache of [installedVersions], in the directory dev.LoginDir.
const versionsFile = "versions.json"

// loginPackages returns the packages whose versions matter in modes with a login.
func loginPackages() []string { return []string{"botocore", "streamlit", "Authlib", "httpx"} }

// versions is the content of versionsFile: the versions of one image's packages.
type versions struct {
	Image    string            `json:"image"` // id
	Packages map[string]string `json:"packages"`
}

// installedVersions returns the versions of an image's packages. It stores them, because reading them from the image
// takes half a second.
func installedVersions(ctx context.Context, e Execer, stateDir, image string) (map[string]string, error) {
	file := filepath.Join(stateDir, dev.LoginDir, versionsFile)
	var known versions
	if b, err := dev.ReadFile(file); err == nil && json.Unmarshal(b, &known) == nil && known.Image == image {
		return known.Packages, nil
	}
	packages, err := e.Versions(ctx, image, loginPackages()...)
	if err != nil {
		return nil, err
	}
	b, err := json.Marshal(versions{image, packages})
	if err == nil {
		_ = dev.WriteFile(file, b, 0o600) // best effort: without the file the next run reads the image again
	}
	return packages, nil
}

// checkInstalled compares the packages of an image with those that the login mode needs.
func (s loginSetup) checkInstalled(packages map[string]string) ([]dev.Warning, error) {
	switch s.mode {
	case dev.AppLogin:
		if v := packages["botocore"]; v != "" && IsBelow(v, 1, 31) {
			return nil, s.oldBoto3(v)
		}
	case dev.Native:
		var warnings []dev.Warning
		if v := packages["streamlit"]; v != "" && IsBelow(v, 1, 58) {
			warnings = append(warnings, dev.Warning{Code: dev.CodeAuthStreamlit, Message: s.listed("streamlit") + "the image has Streamlit " + v + ", whose st.login has bugs that 1.58 fixed: a restart during a login loses it, and PKCE or the 30 days of a login may be missing",
				Hint: "require streamlit>=1.58"})
		}
		for _, needed := range []string{"Authlib", "httpx"} {
			if packages["streamlit"] != "" && packages[needed] == "" {
				warnings = append(warnings, dev.Warning{Code: dev.CodeAuthStreamlit, Message: s.listed("streamlit") + "the image has no " + needed + ", which st.login needs", Hint: "require streamlit[auth] and httpx; streamlit[auth] alone does not install httpx"})
			}
		}
		return warnings, nil
	default:
		return nil, nil // nobody signs in
	}
	return nil, nil
}

// oldStreamlit warns about a fixed version of Streamlit that is older than the oldest one that works.
func oldStreamlit(found *detect.Findings) []dev.Warning {
	if !found.IsStreamlitTooOld() {
		return nil
	}
	v := found.Streamlit
	return []dev.Warning{{Code: dev.CodeReloadStreamlit, Message: v.Place() + ": Streamlit " + v.Value + " is older than 1.12, the oldest version that sdev supports: saves may not be live", Hint: "require streamlit>=1.12"}}
}

// oldBoto3 returns the error for a botocore that is too old, with the line that requires it, if there is one.
func (s loginSetup) oldBoto3(version string) error {
	e := &dev.Error{Code: dev.CodeAuthBoto3, Exit: dev.ExitProject, Message: "the image has botocore " + version + ", which does not know AWS_ENDPOINT_URL_SSM and would ask the real AWS for the app's OAuth client",
		Hint: "require boto3>=1.28 (botocore>=1.31), then run sdev up again"}
	for _, name := range []string{"boto3", "botocore"} {
		if at, ok := s.found.Requires(name); ok {
			e.File, e.Line = at.File, at.Line
			e.Message = name + at.Value + ": " + e.Message
			break
		}
	}
	return e
}

// listed returns the place at which the project requires a package, as the beginning of a message; "" if there is none.
func (s loginSetup) listed(name string) string {
	if at, ok := s.found.Requires(name); ok {
		return at.Place() + ": "
	}
	return ""
}

var firstTwo = pattern.New(`^(\d+)(?:\.(\d+))?`)

// IsBelow reports whether the first two numbers of a version are below major.minor. A version without numbers is not.
func IsBelow(version string, major, minor int) bool {
	m := firstTwo.FindStringSubmatch(version)
	if m == nil {
		return false
	}
	a, _ := strconv.Atoi(m[1])
	b, _ := strconv.Atoi(m[2])
	return a < major || a == major && b < minor
}

// checkImage checks that the app's image has the packages that the login mode needs.
func (s loginSetup) checkImage(ctx context.Context, e Execer, stateDir, image string) ([]dev.Warning, error) {
	if !s.mode.SignsIn() || image == "" {
		return nil, nil
	}
	packages, err := installedVersions(ctx, e, stateDir, image)
	if err != nil {
		return nil, err
	}
	return s.checkInstalled(packages)
}
