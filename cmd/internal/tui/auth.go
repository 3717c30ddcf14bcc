package tui

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"sdev/cmd/internal/render"
	"sdev/dev"
)

// auth is the pane of the login: the people, who signs in next, and active faults.
type auth struct {
	scroll
	*common
	cursor int // place in the list of people
}

// clockStep is how far a key moves the provider's clock.
const clockStep = time.Hour

func (*auth) name() scope { return inAuth }

// update keeps the cursor on a person when new facts have fewer of them.
func (a *auth) update(msg tea.Msg) (bool, tea.Cmd) {
	if _, ok := msg.(factsMsg); ok {
		a.point(a.cursor)
	}
	return false, nil
}

// point puts the cursor at a place in the list of people.
func (a *auth) point(at int) {
	a.cursor = max(0, min(at, len(a.state.facts.Provider.People)-1))
}

func (a *auth) do(c command) tea.Cmd {
	provider := a.state.facts.Provider
	switch c {
	case cmdUp, cmdDownward:
		a.point(a.cursor + map[command]int{cmdUp: -1, cmdDownward: 1}[c])
		return nil
	case cmdPageUp, cmdPageDown:
		a.move(c)
		return nil
	default: // the other commands are for the provider
	}
	if !a.state.snap.Mode.SignsIn() || !a.state.runs() {
		a.notify(neutral, "nobody signs in at the local provider in this mode; "+keyOf(everywhere, cmdSwitch)+" switches it")
		return nil
	}
	switch c {
	case cmdSignIn, cmdOpenAs:
		if len(provider.People) == 0 {
			return nil
		}
		who := provider.People[a.cursor].Email
		return a.run(request{"signing in as " + safe(who), Action{Do: SignInAs, Email: who, Browse: c == cmdOpenAs}})
	case cmdAsk:
		return a.run(request{"switching to the sign-in page", Action{Do: SignInAs}})
	case cmdFault:
		a.overlay = newMenu("Which fault should take effect once?", faultChoices(provider.Faults))
	case cmdClearFaults:
		return a.run(request{"clearing faults", Action{Do: ClearFaults}})
	case cmdClockOn:
		return a.run(request{"moving the clock", Action{Do: MoveClock, By: clockStep}})
	case cmdClockBack:
		return a.run(request{"moving the clock", Action{Do: MoveClock, By: -clockStep}})
	case cmdRotate:
		return a.run(request{"rotating keys", Action{Do: RotateKeys}})
	default: // not one of this pane's
	}
	return nil
}

func faultChoices(faults []FaultDoc) []choice {
	list := make([]choice, 0, len(faults))
	for _, f := range faults {
		list = append(list, choice{f.Name, safe(f.About), request{"setting " + f.Name, Action{Do: SetFault, Fault: f.Name}}})
	}
	return list
}

func (a *auth) view(t theme) string {
	s, l := &a.state, a.layout
	sh := sheet{theme: t, state: s, width: l.width}
	if !s.snap.Mode.SignsIn() || !s.runs() {
		return a.show(t, a.bypassed(sh))
	}
	if !l.wide {
		const lately = 5 // the claims are below
		return a.show(t, slices.Concat(a.provider(sh), a.unmapped(sh), a.people(sh), a.faults(sh), a.feed(sh, lately), a.claims(sh)))
	}
	right := sh
	sh.width, right.width = l.left, l.right
	return a.show(t, l.beside(slices.Concat(a.provider(sh), a.unmapped(sh), a.people(sh), a.claims(sh)), slices.Concat([]string{""}, a.faults(right), a.feed(right, max(5, l.body-6)))))
}

func (a *auth) bypassed(sh sheet) []string {
	rows := []string{""}
	if sh.state.runs() {
		user := "the app sees no user"
		if who := sh.state.facts.Provider.Current; who != "" {
			user = "st.user is " + safe(who)
		}
		rows = append(rows, sh.row(sh.bypass.Render(bypassBadge)+"  a login that heeds LOCAL_STREAMLIT lets everybody in"), sh.row(user), "")
	} else {
		rows = append(rows, sh.row(sh.dim.Render("the project is not running")), "")
	}
	if slices.ContainsFunc(sh.state.facts.Modes, dev.Mode.SignsIn) {
		rows = append(rows, sh.row(sh.key.Render(keyOf(everywhere, cmdSwitch))+"  run the app with its own login"))
	}
	if people := sh.state.facts.Provider.People; len(people) > 0 {
		rows = append(rows, "")
		rows = append(rows, a.people(sh)...)
	}
	return rows
}

func (a *auth) provider(sh sheet) []string {
	provider := sh.state.facts.Provider
	next := "shows the sign-in page"
	if provider.Current != "" {
		next = "is " + safe(provider.Current)
	}
	rows := []string{"", sh.row("the next login " + sh.strong.Render(next)), sh.row(sh.dim.Render(cmp.Or(provider.Issuer, sh.state.snap.Issuer) + "  " + provider.Profile))}
	if provider.Clock != 0 {
		rows = append(rows, sh.row(sh.warn.Render("its clock is "+clockText(provider.Clock))))
	}
	return append(rows, "")
}

// unmapped lists the requests that did not reach the local provider, because the app has their address in a way that sdev
// cannot change.
func (a *auth) unmapped(sh sheet) []string {
	provider := sh.state.facts.Provider
	if len(provider.Unmapped) == 0 {
		return nil
	}
	rows := []string{sh.heading("REAL PROVIDERS", "why: sdev auth check")}
	for _, u := range provider.Unmapped {
		rows = append(rows, "  "+spread(sh.warn.Render(safe(u.Address)), sh.dim.Render(render.Count(u.Count, "request")), max(0, sh.width-3)))
	}
	return append(rows, "")
}

func clockText(d time.Duration) string {
	word := "ahead"
	if d < 0 {
		d, word = -d, "behind"
	}
	text := fmt.Sprintf("%d min %s", d/time.Minute%60, word)
	if d >= time.Hour {
		text = fmt.Sprintf("%d h %s", d/time.Hour, text)
	}
	return text
}

func (a *auth) people(sh sheet) []string {
	provider := sh.state.facts.Provider
	rows := []string{sh.heading("PEOPLE", render.Count(len(provider.People), "person"))}
	rows[0] = strings.Replace(rows[0], "persons", "people", 1)
	name := 0
	for _, p := range provider.People {
		name = max(name, len([]rune(p.Name)))
	}
	name = min(name, max(8, sh.width/3))
	for i, p := range provider.People {
		dot := "  "
		if p.Email == provider.Current {
			dot = sh.good.Render("● ")
		}
		text := dot + fit(safe(p.Name), name) + "  " + sh.dim.Render(safe(p.Email))
		if slices.Contains(provider.SignedIn, p.Email) {
			text += sh.good.Render("  signed in")
		}
		groups := sh.accent.Render(safe(strings.Join(p.Groups, " ")))
		row := "  " + spread(text+" ", groups, max(0, sh.width-3))
		if i == a.cursor {
			row = sh.cursor.Render(fit(stripped(row), sh.width))
		}
		rows = append(rows, row)
	}
	return append(rows, "")
}

// claims are the claims that clients got for the person under the cursor or, if nobody has signed in as them, the
// project's own claims for them.
func (a *auth) claims(sh sheet) []string {
	provider := sh.state.facts.Provider
	if a.cursor >= len(provider.People) {
		return nil
	}
	who := provider.People[a.cursor]
	rows := toldRows(sh, who)
	for _, session := range provider.Sessions {
		if session.User == who.Email {
			rows = append(rows, sh.heading("SESSION OF "+strings.ToUpper(safe(cmp.Or(who.Name, who.Email))), "with "+safe(session.Client)+" since "+session.At.Format(time.TimeOnly)))
			rows = append(append(rows, claimRows(sh, session.Claims, session.At.Location())...), "")
		}
	}
	if len(rows) > 0 || len(who.Claims) == 0 {
		return rows
	}
	rows = append(rows, sh.heading("CLAIMS OF "+strings.ToUpper(safe(cmp.Or(who.Name, who.Email))), "at the next login"))
	return append(append(rows, claimRows(sh, who.Claims, time.UTC)...), "")
}

// toldRows are the identity headers that the front door sent to the app with the last request of a person.
func toldRows(sh sheet, who dev.Person) []string {
	var rows []string
	for _, t := range sh.state.facts.Provider.Told {
		if !strings.EqualFold(t.User, who.Email) {
			continue
		}
		rows = append(rows, sh.heading("THE APP WAS TOLD", "at "+t.At.Local().Format(time.TimeOnly)+" by "+render.Door(sh.state.snap.Mode)))
		for _, name := range slices.Sorted(maps.Keys(t.Headers)) {
			claims, signed := t.Headers[name].(map[string]any)
			if !signed {
				rows = append(rows, sh.row(sh.accent.Render(safe(name))+" "+safe(claimText("", t.Headers[name], time.Local))))
				continue
			}
			rows = append(rows, sh.row(sh.accent.Render(safe(name))+sh.dim.Render(" signed, with")))
			for _, row := range claimRows(sh, claims, time.Local) {
				rows = append(rows, "  "+row)
			}
		}
		rows = append(rows, "")
	}
	return rows
}

func claimRows(sh sheet, claims map[string]any, where *time.Location) []string {
	rows := make([]string, 0, len(claims))
	for _, name := range slices.Sorted(maps.Keys(claims)) {
		rows = append(rows, sh.row(sh.dim.Render(fit(safe(name), 18))+" "+safe(claimText(name, claims[name], where))))
	}
	return rows
}

// claimText formats the value of a claim. Times are in the time zone of where.
func claimText(name string, value any, where *time.Location) string {
	switch v := value.(type) {
	case string:
		return v
	case float64: // as JSON has every number
		if name == "auth_time" || name == "updated_at" {
			return time.Unix(int64(v), 0).In(where).Format(time.DateTime)
		}
	case []any:
		parts := make([]string, len(v))
		for i, one := range v {
			parts[i] = claimText("", one, where)
		}
		return strings.Join(parts, ", ")
	}
	b, err := json.Marshal(value)
	if err != nil {
		return fmt.Sprint(value)
	}
	return string(b)
}

func (a *auth) faults(sh sheet) []string {
	provider := sh.state.facts.Provider
	if len(provider.ActiveFaults) == 0 {
		return nil
	}
	rows := []string{sh.heading("ACTIVE FAULTS", keyOf(inAuth, cmdClearFaults)+" clears")}
	for _, f := range provider.ActiveFaults {
		left := "until it is cleared"
		if f.Left > 0 {
			left = render.Count(f.Left, "time") + " more"
		}
		rows = append(rows, "  "+spread(sh.warn.Render(f.Name), sh.dim.Render(left), max(0, sh.width-3)))
	}
	return append(rows, "")
}

// feed lists the events of the provider, newest first.
func (a *auth) feed(sh sheet, most int) []string {
	rows := []string{sh.heading("LOGINS", "")}
	n := 0
	for _, line := range slices.Backward(sh.state.feed) {
		switch line.what {
		case "login", "logout", "denied", "fault":
			if n++; n > most {
				return append(rows, "")
			}
			rows = append(rows, sh.row(sh.faint.Render(line.at.Format(time.TimeOnly))+" "+sh.theme.inTone(line.tone).Render(fit(line.what, 7))+" "+line.text))
		}
	}
	if n == 0 {
		rows = append(rows, sh.row(sh.dim.Render(fmt.Sprintf("nobody signed in yet; open the page with %s", keyOf(everywhere, cmdOpen)))))
	}
	return append(rows, "")
}
