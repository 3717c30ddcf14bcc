package tui

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"sdev/dev"
)

// auth is the pane of who can sign in, who does next, and what is wrong with the provider on
// purpose.
type auth struct {
	scroll
	cursor int // place in the list of people
}

func (a *auth) clamp(s *state) {
	a.cursor = max(0, min(a.cursor, len(s.facts.Login.People)-1))
}

// inAuth carries out a command of the pane.
func (m *model) inAuth(c command) tea.Cmd {
	login := m.state.facts.Login
	if c == cmdUp || c == cmdDownward {
		m.auth.cursor += map[command]int{cmdUp: -1, cmdDownward: 1}[c]
		m.auth.clamp(&m.state)
		return nil
	}
	if !m.state.snap.Mode.SignsIn() || !m.state.runs() {
		m.say(neutral, "the login is bypassed; "+keyOf(everywhere, cmdSwitch)+" tries it")
		return nil
	}
	switch c {
	case cmdSignIn:
		if len(login.People) == 0 {
			return nil
		}
		who := login.People[m.auth.cursor].Email
		return m.run("signing in as "+safe(who), Action{Do: SignInAs, Email: who})
	case cmdAsk:
		return m.run("asking who signs in", Action{Do: SignInAs})
	case cmdFault:
		m.overlay = newMenu("What fails once?", faultChoices(login.Faults))
	case cmdClearFaults:
		return m.run("clearing faults", Action{Do: ClearFaults})
	case cmdClockOn:
		return m.run("moving the clock", Action{Do: MoveClock, By: clockStep})
	case cmdClockBack:
		return m.run("moving the clock", Action{Do: MoveClock, By: -clockStep})
	case cmdRotate:
		return m.run("making new keys", Action{Do: RotateKeys})
	default: // not one of this pane's
	}
	return nil
}

func faultChoices(faults []FaultDoc) []choice {
	list := make([]choice, 0, len(faults))
	for _, f := range faults {
		list = append(list, choice{f.Name, safe(f.About), func(m *model) tea.Cmd {
			return m.run("setting "+f.Name, Action{Do: SetFault, Fault: f.Name})
		}})
	}
	return list
}

func (a *auth) view(t theme, s *state) string {
	sh := sheet{theme: t, state: s, width: a.width}
	if !s.snap.Mode.SignsIn() || !s.runs() {
		return a.show(t, a.bypassed(sh))
	}
	return a.show(t, slices.Concat(a.provider(sh), a.people(sh), a.claims(sh), a.faults(sh), a.feed(sh)))
}

func (a *auth) bypassed(sh sheet) []string {
	rows := []string{""}
	if sh.state.runs() {
		rows = append(rows, sh.row(sh.bypass.Render(" LOGIN BYPASSED ")+"  whoever opens the page is in, and the app sees nobody"), "")
	} else {
		rows = append(rows, sh.row(sh.dim.Render("nothing runs, so nobody signs in")), "")
	}
	if slices.ContainsFunc(sh.state.facts.Modes, dev.Mode.SignsIn) {
		rows = append(rows, sh.row(sh.key.Render(keyOf(everywhere, cmdSwitch))+"  try the app's own login, with people to choose from"))
	}
	if people := sh.state.facts.Login.People; len(people) > 0 {
		rows = append(rows, "")
		rows = append(rows, a.people(sh)...)
	}
	return rows
}

func (a *auth) provider(sh sheet) []string {
	l := sh.state.facts.Login
	next := "asks who it is"
	if l.Current != "" {
		next = "is " + safe(l.Current)
	}
	rows := []string{"", sh.row("the next login " + sh.strong.Render(next)), sh.row(sh.dim.Render(cmp.Or(l.Issuer, sh.state.snap.Issuer) + "  " + l.Profile))}
	if l.Clock != 0 {
		rows = append(rows, sh.row(sh.warn.Render("its clock is "+clockText(l.Clock))))
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
	l := sh.state.facts.Login
	rows := []string{sh.heading("PEOPLE", count(len(l.People), "person"))}
	rows[0] = strings.Replace(rows[0], "persons", "people", 1)
	name := 0
	for _, p := range l.People {
		name = max(name, len([]rune(p.Name)))
	}
	name = min(name, max(8, sh.width/3))
	for i, p := range l.People {
		dot := "  "
		if p.Email == l.Current {
			dot = sh.good.Render("● ")
		}
		text := dot + fit(safe(p.Name), name) + "  " + sh.dim.Render(safe(p.Email))
		if slices.Contains(l.SignedIn, p.Email) {
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

// claims is what the app will be told of the person under the cursor, beside name and address.
func (a *auth) claims(sh sheet) []string {
	people := sh.state.facts.Login.People
	if a.cursor >= len(people) || len(people[a.cursor].Claims) == 0 {
		return nil
	}
	who := people[a.cursor]
	rows := []string{sh.heading("CLAIMS OF "+strings.ToUpper(safe(cmp.Or(who.Name, who.Email))), "")}
	for _, name := range slices.Sorted(maps.Keys(who.Claims)) {
		rows = append(rows, sh.row(sh.dim.Render(fit(safe(name), 16))+" "+safe(fmt.Sprint(who.Claims[name]))))
	}
	return append(rows, "")
}

func (a *auth) faults(sh sheet) []string {
	l := sh.state.facts.Login
	if len(l.Set) == 0 {
		return nil
	}
	rows := []string{sh.heading("FAULTS IN FORCE", keyOf(inAuth, cmdClearFaults)+" clears")}
	for _, f := range l.Set {
		left := "until it is cleared"
		if f.Left > 0 {
			left = count(f.Left, "time") + " more"
		}
		rows = append(rows, "  "+spread(sh.warn.Render(f.Name), sh.dim.Render(left), max(0, sh.width-3)))
	}
	return append(rows, "")
}

// feed is what happened at the provider.
func (a *auth) feed(sh sheet) []string {
	rows := []string{sh.heading("LOGINS", "")}
	n := 0
	for _, h := range slices.Backward(sh.state.feed) {
		switch h.what {
		case "login", "logout", "denied", "fault":
			if n++; n > 20 {
				return rows
			}
			rows = append(rows, sh.row(sh.faint.Render(h.at.Format(time.TimeOnly))+" "+sh.theme.tone(h.tone).Render(fit(h.what, 7))+" "+h.text))
		}
	}
	if n == 0 {
		rows = append(rows, sh.row(sh.dim.Render(fmt.Sprintf("nobody signed in yet; open the page with %s", keyOf(everywhere, cmdOpen)))))
	}
	return rows
}
