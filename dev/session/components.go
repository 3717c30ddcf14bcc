package session

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"sdev/dev"
	"sdev/dev/config"
	"sdev/dev/detect"
)

// Component is a component for Streamlit: of the app's own code or of an installed package.
type Component struct {
	Name    string   // as its address on the app's origin has it, for example "streamlit_oauth.authorize_button"
	Package string   // with its version; "" for the app's own code
	Place   string   // file:line that declares it, or that lists its package; "" if nothing does
	InPage  bool     // it runs in the app's page (st.components.v2), and not in a frame of its own
	Needs   []string // what files of its package name that an isolated component does not have
}

// String returns the component for a message: "streamlit_oauth.authorize_button (streamlit-oauth 0.1.14,
// requirements.txt:3)".
func (c Component) String() string {
	var from []string
	for _, s := range []string{c.Package, c.Place} {
		if s != "" {
			from = append(from, s)
		}
	}
	return dev.Sanitize(c.Name) + " (" + dev.Sanitize(strings.Join(from, ", ")) + ")"
}

//go:embed components.py
var componentsScript string

// InspectComponents returns the components of the app: those that its code declares, and those of the packages that are
// installed in its running container. Even if the container does not answer, which is an error, it returns the former.
func InspectComponents(ctx context.Context, e Runner, p *config.Project, container string) ([]Component, error) {
	found, _, err := inspect(p)
	if err != nil {
		return nil, err
	}
	var all []Component
	for _, c := range found.Components {
		name := c.Value
		if name == "" {
			name = "a component"
		}
		all = append(all, Component{Name: name, Place: c.Place(), InPage: c.InPage})
	}
	installed, err := installedComponents(ctx, e, found, container)
	return append(all, installed...), err
}

// installedComponents asks the app's container.
func installedComponents(ctx context.Context, e Runner, found *detect.Findings, container string) ([]Component, error) {
	out, err := RunPython(ctx, e, container, componentsScript)
	if err != nil {
		var listed []string
		for _, f := range found.ListedForStreamlit() {
			listed = append(listed, f.Value+" ("+f.Place()+")")
		}
		if len(listed) > 0 {
			return nil, fmt.Errorf("%w; the project lists %s", err, strings.Join(listed, ", "))
		}
		return nil, err
	}
	var told []struct {
		Name    string   `json:"name"`
		Package string   `json:"package"`
		Version string   `json:"version"`
		InPage  bool     `json:"in_page"`
		Needs   []string `json:"needs"`
	}
	if err := json.Unmarshal(out, &told); err != nil {
		return nil, fmt.Errorf("the list of components in the app's container cannot be read: %w", err)
	}
	var all []Component
	for _, c := range told {
		at, _ := found.Requires(c.Package)
		all = append(all, Component{Name: c.Name, Package: c.Package + " " + c.Version, Place: at.Place(), InPage: c.InPage, Needs: c.Needs})
	}
	return all, nil
}

// maxListed is how many components a message lists.
const maxListed = 10

// ListComponents lists components for a message.
func ListComponents(all []Component) string {
	var texts []string
	for _, c := range all[:min(len(all), maxListed)] {
		texts = append(texts, c.String())
	}
	text := strings.Join(texts, ", ")
	if more := len(all) - maxListed; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// ListNeeds lists components with what each may lack if it is isolated; it leaves out those without needs. Components of
// one package are listed together, because nothing says which file belongs to which.
func ListNeeds(all []Component) string {
	var order []string
	needs := map[string][]string{}
	for _, c := range all {
		if len(c.Needs) == 0 || c.InPage {
			continue
		}
		if needs[c.Package] == nil {
			order = append(order, c.Package)
		}
		needs[c.Package] = c.Needs
	}
	var texts []string
	for _, name := range order[:min(len(order), maxListed)] {
		texts = append(texts, dev.Sanitize(name+": "+strings.Join(needs[name], ", ")))
	}
	return strings.Join(texts, "; ")
}

// InPage returns the components that run in the app's page, or the others.
func InPage(all []Component, inPage bool) []Component {
	return slices.DeleteFunc(slices.Clone(all), func(c Component) bool { return c.InPage != inPage })
}

// isolationWarnings says of an app whose components are isolated which of them are not, and which may break by it. unread
// is why the components of packages are unknown.
func isolationWarnings(all []Component, unread error) []dev.Warning {
	var out []dev.Warning
	if unread != nil {
		out = append(out, dev.Warning{Code: dev.CodeComponent, Message: "which components the installed packages contain is unknown: " + unread.Error(),
			Hint: "those in frames are isolated nevertheless; those in the app's page (st.components.v2) are not"})
	}
	if open := InPage(all, true); len(open) > 0 {
		out = append(out, dev.Warning{Code: dev.CodeComponent, Message: "x-sdev.components isolates no component that runs in the app's page (st.components.v2); not isolated: " + ListComponents(open),
			Hint: "they reach all that the page reaches: keep only those that you trust"})
	}
	if list := ListNeeds(all); list != "" {
		out = append(out, dev.Warning{Code: dev.CodeComponent, Message: "packages with isolated components whose files name what these do not have: " + list,
			Hint: "try whether they work; if one does not, and you trust it: x-sdev: {components: trust}"})
	}
	return out
}
