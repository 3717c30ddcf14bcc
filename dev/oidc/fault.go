package oidc

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"sdev/dev"
)

// Fault is an injected error.
type Fault struct {
	Name   string            `json:"name"`
	Params map[string]string `json:"params,omitempty"` // missing ones have their defaults
	Times  int               `json:"times"`            // how many more times it acts; 0: until it is cleared, see countUse
	User   string            `json:"user,omitempty"`   // only for this e-mail; "" is everybody
	Client string            `json:"client,omitempty"` // only for this client; "" is all
}

// FaultDoc describes a fault.
type FaultDoc struct {
	Name   string   `json:"name"`
	About  string   `json:"about"`
	Params []string `json:"params"` // each with its default: "delay=5s"
}

// Faults is the table of all faults, which handlers, help and commands share.
func Faults() []FaultDoc {
	var docs []FaultDoc
	for _, k := range faultKinds() {
		docs = append(docs, FaultDoc{Name: k.name, About: k.about, Params: append([]string{}, k.params...)})
	}
	return docs
}

// stage is the part of a request in which a fault acts.
type stage int

const (
	atRequest  stage = iota // before anything takes effect
	atDecision              // the person is known, and the app is about to be answered
	atClaims                // the claims of ID token and userinfo
	atSigning               // an ID token is about to be signed
	atReply                 // an answer in JSON is about to be sent
	atDoor                  // a front door, which is not part of the provider, is about to pass a request on
)

// params are a fault's parameters, defaults included.
type params map[string]string

// faultKind is a row of the table of faults. Only the function of its stage is set.
type faultKind struct {
	name, about string
	params      []string // "name=default"
	at          stage
	endpoint    string     // where it acts; "" is as its parameter endpoint says
	modes       []dev.Mode // of a fault at a front door: the doors that know it
	grant       string     // only for this grant_type
	check       func(params) error

	request  func(rc *requestContext, f params) error
	decision func(answer map[string]string, f params)
	claims   func(c claims, f params)
	token    func(rc *requestContext, t *unsignedToken, f params)
	reply    func(body []byte, f params) []byte
}

// activeFault is a fault that acts now.
type activeFault struct {
	Params params
	kind   faultKind
}

func faultTable() map[string]faultKind {
	t := make(map[string]faultKind)
	for _, k := range faultKinds() {
		t[k.name] = k
	}
	return t
}

func (f Fault) clone() Fault {
	f.Params = maps.Clone(f.Params)
	return f
}

func unknownFault(name string) error {
	var known []string
	for _, k := range faultKinds() {
		known = append(known, k.name)
	}
	return &dev.Error{Code: dev.CodeAuthFault, Exit: dev.ExitUsage, Message: fmt.Sprintf("unknown fault %q", name), Hint: "faults: " + strings.Join(known, ", ")}
}

// withDefaults returns a fault's parameters, with defaults for missing ones.
func (k faultKind) withDefaults(given map[string]string) params {
	out := make(params)
	for _, p := range k.params {
		name, value, _ := strings.Cut(p, "=")
		out[name] = value
	}
	maps.Copy(out, given)
	return out
}

// checkFault says what is wrong with a fault.
func (p *Provider) checkFault(f Fault) error {
	k, ok := p.kinds[f.Name]
	if !ok {
		return unknownFault(f.Name)
	}
	wrong := func(format string, a ...any) error {
		return &dev.Error{Code: dev.CodeAuthFault, Exit: dev.ExitUsage, Message: fmt.Sprintf("fault %s: ", f.Name) + fmt.Sprintf(format, a...), Hint: "parameters: " + k.usage()}
	}
	all := k.withDefaults(nil)
	for _, name := range slices.Sorted(maps.Keys(f.Params)) {
		if _, ok := all[name]; !ok {
			return wrong("unknown parameter %q", name)
		}
	}
	all = k.withDefaults(f.Params)
	if e, ok := all["endpoint"]; ok && !slices.ContainsFunc(p.endpoints, func(row endpoint) bool { return row.name == e }) {
		return wrong("unknown endpoint %q", e)
	}
	if f.Times < 0 {
		return wrong("times must not be negative, but is %d", f.Times)
	}
	if k.check != nil {
		if err := k.check(all); err != nil {
			return wrong("%v", err)
		}
	}
	return nil
}

func (k faultKind) usage() string {
	if len(k.params) == 0 {
		return "no parameters"
	}
	return strings.Join(k.params, ", ")
}

// setFault adds a fault, and replaces one with the same name, user, client and endpoint. The caller holds the
// lock.
func (p *Provider) setFault(f Fault) error {
	if err := p.checkFault(f); err != nil {
		return err
	}
	f = f.clone()
	p.data.Faults = slices.DeleteFunc(p.data.Faults, func(o Fault) bool {
		return o.Name == f.Name && strings.EqualFold(o.User, f.User) && o.Client == f.Client && o.Params["endpoint"] == f.Params["endpoint"]
	})
	p.data.Faults = append(p.data.Faults, f)
	return nil
}

// takeFaults returns the faults that act on a request at one stage, counts their use, and sends their events.
func (p *Provider) takeFaults(rc *requestContext, at stage) []activeFault {
	where := rc.endpoint.name
	if at == atDecision {
		where = "authorize" // with or without the sign-in page
	}
	return p.countFaults(dev.AuthFault{Where: where, User: rc.user, Client: rc.client}, func(k faultKind, f *Fault) bool {
		return k.at == at && k.appliesTo(rc, f)
	})
}

// DoorFaults returns the faults that act now on a request at a front door, by their names, with their parameters, and
// counts their use. user is the e-mail address of whoever makes the request; "" is nobody.
func (p *Provider) DoorFaults(door dev.Mode, client, user string) map[string]map[string]string {
	p.mu.Lock()
	none := len(p.data.Faults) == 0
	p.mu.Unlock()
	if none {
		return nil
	}
	out := map[string]map[string]string{}
	for _, f := range p.countFaults(dev.AuthFault{Where: string(door), User: user, Client: client}, func(k faultKind, f *Fault) bool {
		return k.at == atDoor && slices.Contains(k.modes, door) && (f.User == "" || strings.EqualFold(f.User, user)) && (f.Client == "" || f.Client == client)
	}) {
		out[f.kind.name] = f.Params
	}
	return out
}

// countFaults returns the faults that act, counts their use, and sends an event about each: about, with the fault's name
// and how many uses are left.
func (p *Provider) countFaults(about dev.AuthFault, acts func(faultKind, *Fault) bool) []activeFault {
	var (
		now    []activeFault
		events []dev.AuthFault
	)
	p.mu.Lock()
	for i := range p.data.Faults {
		f := &p.data.Faults[i]
		k := p.kinds[f.Name]
		if !acts(k, f) {
			continue
		}
		now = append(now, activeFault{Params: k.withDefaults(f.Params), kind: k})
		about.Fault, about.Left = f.Name, f.countUse()
		events = append(events, about)
	}
	var err error
	if len(now) > 0 {
		p.data.Faults = slices.DeleteFunc(p.data.Faults, func(f Fault) bool { return f.Times == usedUp })
		err = p.awaitSave()
	}
	p.mu.Unlock()
	for _, e := range events {
		p.emit(e)
	}
	if err != nil {
		p.emit(warn(err))
	}
	return now
}

// usedUp is the value of Times of a fault that has acted for the last time. takeFaults deletes it at once.
const usedUp = -1

// countUse counts one use of the fault, and returns how many are left. It is the place that converts between two
// contracts: a fault without a number has 0 in [Fault].Times, because a command that names none sends 0, and
// [dev.UntilCleared] in [dev.AuthFault].Left, because 0 is the last time there.
func (f *Fault) countUse() (left int) {
	if f.Times == 0 {
		return dev.UntilCleared
	}
	f.Times--
	if left = f.Times; left == 0 {
		f.Times = usedUp
	}
	return left
}

func (k faultKind) appliesTo(rc *requestContext, f *Fault) bool {
	where := k.endpoint
	if where == "" {
		where = k.withDefaults(f.Params)["endpoint"]
	}
	return (where == "" || where == rc.endpoint.name) &&
		(k.grant == "" || k.grant == rc.grant) &&
		(f.User == "" || strings.EqualFold(f.User, rc.user)) &&
		(f.Client == "" || f.Client == rc.client)
}

func warn(err error) dev.Warning {
	e := dev.AsError(err)
	return dev.Warning{Code: e.Code, Message: e.Error(), Hint: e.Hint}
}
