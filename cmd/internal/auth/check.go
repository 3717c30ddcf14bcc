package auth

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"sdev/cmd/internal/console"
	"sdev/dev"
	"sdev/dev/oidc"
	"sdev/dev/session"
	"sdev/dev/streamlit"
)

// checkOptions are the flags of "sdev auth check".
type checkOptions struct {
	json bool
}

func (a *commands) newCheckCmd(run func(context.Context, checkOptions) error) *cobra.Command {
	var o checkOptions
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Find out why a login does not work",
		Long: `Asks the provider from this machine and from inside the app's container, and compares the answers:
issuer, keys, clocks and redirect addresses. It counts requests of the app that still went to a real
provider. It also checks package versions, looks for a bypass that
is still on, and for other apps that share this app's cookies. It lists the components in the app's
environment with what they reach. If something blocks a login, the exit code is 1.`,
		Args: console.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			a.JSON = o.json
			return run(cmd.Context(), o)
		},
	}
	cmd.Flags().BoolVar(&o.json, "json", false, "print one JSON array")
	return cmd
}

// providerView is the provider as one place sees it.
type providerView struct {
	Issuer string   `json:"issuer"`
	Keys   []string `json:"keys"` // their IDs, sorted
	Error  string   `json:"discovery_error"`
}

// containerView is what check.py reports from the app's container.
type containerView struct {
	providerView
	Time           float64           `json:"time"`     // seconds since 1970
	Bypass         string            `json:"bypass"`   // value of LOCAL_STREAMLIT in the app's environment
	Guarded        bool              `json:"guarded"`  // the start-up shim keeps it unset in every process of the app
	SetBy          []string          `json:"kept_off"` // where the app tried to set it
	BypassError    string            `json:"bypass_error"`
	Redirects      []string          `json:"redirects"`
	RedirectsError string            `json:"redirects_error"`
	Doors          map[string]string `json:"doors"`    // why the app cannot reach hosts of the front door, by host
	Versions       map[string]string `json:"versions"` // of the installed packages

	asked, answered time.Time // by this machine's clock
}

// loginCheck is the evidence of a check.
type loginCheck struct {
	mode     dev.Mode
	issuer   string
	origin   string   // of the app, as the browser sees it
	doors    []string // the public hosts of the front door, in modes with one
	state    oidc.State
	host     providerView
	app      containerView
	appError error
	others   []string // apps on the same host name
	components
	unknown []string // groups that policies name and that have no members
	// addresses are those of identity providers in code and settings, for people; fixed are logins whose addresses nothing
	// can lead to the local provider. Both are about app mode.
	addresses string
	fixed     []dev.Warning
}

func (a *commands) runCheck(ctx context.Context, o checkOptions) error {
	l, err := a.gather(ctx)
	if err != nil {
		return err
	}
	all := l.findings()
	if o.json {
		err = a.PrintJSON(all)
	} else {
		err = a.printFindings(all)
	}
	if err == nil && slices.ContainsFunc(all, func(f finding) bool { return f.Blocks && !f.OK }) {
		return console.ExitError(dev.ExitFailed)
	}
	return err
}

func (a *commands) gather(ctx context.Context) (loginCheck, error) {
	r, err := a.RequireRunning(ctx)
	if err != nil {
		return loginCheck{}, err
	}
	defer r.Close()
	state, err := r.Steer(ctx, r.Engine.Exec, oidc.Command{Do: oidc.DoState})
	if err != nil {
		return loginCheck{}, err
	}
	gateway, _ := r.GatewayConfig()
	l := loginCheck{mode: r.Mode(), issuer: state.Issuer, origin: gateway.Origin(), state: state}
	l.unknown = unknownGroups(r.Project.Settings.Auth.Policies, r.Project.Settings.Auth.People())
	l.doors = session.DoorHosts(r.Project, l.mode)
	if l.mode == dev.AppLogin {
		if l.addresses, l.fixed, err = session.LoginAddresses(r.Project); err != nil {
			return loginCheck{}, err
		}
	}
	var asking sync.WaitGroup
	asking.Go(func() { l.host = viewFromHere(ctx, l.issuer) })
	if gateway.Host == "localhost" { // a name of its own has its own cookies
		asking.Go(func() { l.others = otherApps(ctx, r, gateway.Port) })
	}
	asking.Go(func() { l.components = inspectComponents(ctx, r) })
	asking.Go(func() { l.app, l.appError = a.runCheckScript(ctx, r, l.issuer, l.mode, l.doors) })
	asking.Wait()
	l.state, err = r.Steer(ctx, r.Engine.Exec, oidc.Command{Do: oidc.DoState}) // again, because the requests may have created keys
	return l, err
}

// viewFromHere requests the provider's metadata and keys from this machine.
func viewFromHere(ctx context.Context, issuer string) providerView {
	var doc struct {
		Issuer string `json:"issuer"`
		JWKS   string `json:"jwks_uri"`
	}
	if err := getJSON(ctx, issuer+"/.well-known/openid-configuration", &doc); err != nil {
		return providerView{Error: err.Error()}
	}
	s := providerView{Issuer: doc.Issuer}
	var set struct {
		Keys []struct {
			ID string `json:"kid"`
		} `json:"keys"`
	}
	if err := getJSON(ctx, doc.JWKS, &set); err != nil {
		s.Error = err.Error()
	}
	for _, k := range set.Keys {
		s.Keys = append(s.Keys, k.ID)
	}
	slices.Sort(s.Keys)
	return s
}

// requestTimeout limits one request to the provider.
const requestTimeout = 5 * time.Second

func getJSON(ctx context.Context, url string, to any) error {
	b, err := get(ctx, url, requestTimeout)
	if err != nil {
		return err
	}
	return json.Unmarshal(b, to)
}

func get(ctx context.Context, url string, limit time.Duration) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s answers %s", url, resp.Status)
	}
	return b, err
}

//go:embed check.py
var checkScript string

// runCheckScript runs check.py in the app's container, with the app's own Python.
func (a *commands) runCheckScript(ctx context.Context, r console.Running, issuer string, mode dev.Mode, doors []string) (containerView, error) {
	var in containerView
	app, err := r.RequireContainer(r.Project.App)
	if err != nil {
		return in, err
	}
	in.asked = a.Now()
	out, err := session.RunPython(ctx, r.Engine.Exec, app.Name, checkScript, append([]string{issuer, string(mode)}, doors...)...)
	in.answered = a.Now()
	if err == nil {
		err = json.Unmarshal(out, &in)
	}
	return in, err
}

// The ports at which otherApps looks for Streamlit apps.
const firstPort, lastPort = 8501, 8520

// otherApps finds Streamlit apps on the same host name. They share the app's cookies, because cookies ignore ports.
func otherApps(ctx context.Context, r console.Running, own int) []string {
	var mu sync.Mutex // guards found
	var found []string
	var asking sync.WaitGroup
	for port := firstPort; port <= lastPort; port++ {
		if port == own {
			continue
		}
		asking.Go(func() {
			url := fmt.Sprintf("http://localhost:%d", port)
			if !isStreamlit(ctx, url) {
				return
			}
			if owner := r.Engine.Images.PortOwner(ctx, uint16(port)); owner != "" { // from 1 to 65535
				url += " (" + owner + ")"
			}
			mu.Lock()
			defer mu.Unlock()
			found = append(found, url)
		})
	}
	asking.Wait()
	slices.Sort(found)
	return found
}

// isStreamlit reports whether a server answers Streamlit's health check, at the path of either version.
func isStreamlit(ctx context.Context, url string) bool {
	return slices.ContainsFunc(streamlit.HealthPaths(), func(path string) bool {
		b, err := get(ctx, url+path, time.Second)
		return err == nil && strings.TrimSpace(string(b)) == "ok"
	})
}

func unknownGroups(policies []dev.Policy, people []dev.Person) []string {
	var unknown []string
	for _, p := range policies {
		for _, g := range p.Allow.Groups {
			if !slices.Contains(unknown, g) && !slices.ContainsFunc(people, func(p dev.Person) bool { return slices.Contains(p.Groups, g) }) {
				unknown = append(unknown, g)
			}
		}
	}
	return unknown
}

func (a *commands) printFindings(all []finding) error {
	rows := [][]string{}
	for _, f := range all {
		mark := "ok"
		switch {
		case !f.OK && f.Blocks:
			mark = "FAIL"
		case !f.OK:
			mark = "note"
		}
		rows = append(rows, []string{mark, f.ID, f.Evidence})
		if !f.OK && f.Fix != "" {
			rows = append(rows, []string{"", "", "fix: " + f.Fix})
		}
	}
	return a.Table(rows)
}
