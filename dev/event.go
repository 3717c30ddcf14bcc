package dev

import "time"

// Event is something that has happened. The set is closed: only this package adds to it, and a test passes every
// type to every view. Events are immutable values, and none contains a secret, a token or a key.
type Event interface {
	// Type is the stable dotted name used in JSON, for example "app.reloaded".
	Type() string
	event()
}

// Stamped is an event with its place in a stream.
type Stamped struct {
	// Seq counts from 1 within one stream. Numbers are missing only right before a LogDropped.
	Seq uint64
	// Time is when the fact was observed, by the clock of the process that observed it.
	Time  time.Time
	Event Event
}

// Operation is one step of a plan, in words for people.
type Operation struct {
	Verb   string `json:"verb"`   // create, recreate, start, build, keep, remove, …
	Object string `json:"object"` // "container shop-streamlit-local-1", "network shop_default", …
	Reason string `json:"reason"` // why the plan has it
}

// PlanMade lists the operations that are about to run.
type PlanMade struct {
	Operations []Operation `json:"operations"`
}

// BuildStep is one step of an image build that has ended or is under way.
type BuildStep struct {
	Service string `json:"service"`
	Step    int    `json:"step"`  // from 1; 0 if the step has no number
	Total   int    `json:"total"` // steps known so far
	Text    string `json:"text"`  // the instruction, or a line of its output
	MS      int64  `json:"ms"`    // time taken; 0 while under way
	Cached  bool   `json:"cached"`
}

// BuildDone is an image that sdev built.
type BuildDone struct {
	Service string `json:"service"`
	Image   string `json:"image"`
	MS      int64  `json:"ms"`
}

// State is the state of a service's container.
type State string

// The states a service goes through.
const (
	Creating  State = "creating"
	Starting  State = "starting"
	Running   State = "running"
	Healthy   State = "healthy"
	Unhealthy State = "unhealthy"
	Exited    State = "exited"
	Removed   State = "removed"
)

// ServiceState is a service that changed state.
type ServiceState struct {
	Service  string `json:"service"`
	State    State  `json:"state"`
	ExitCode int    `json:"exit_code"` // meaningful when State is Exited
}

// Ready means that the app's page answers through the gateway.
type Ready struct {
	URL      string   `json:"url"`
	Mode     Mode     `json:"mode"`
	Issuer   string   `json:"issuer,omitempty"` // of the local provider, in modes with a login
	Services []string `json:"services"`
	MS       int64    `json:"ms"` // from the start of the command
}

// FileChanged is a save: a batch of paths to which one rule applies.
type FileChanged struct {
	Paths  []string `json:"paths"`  // relative to the project, with slashes
	Rule   string   `json:"rule"`   // the rule's origin: "develop.watch[0] (compose.yml)", "derived: source"
	Action Action   `json:"action"` // what a change of these files calls for
	// Service is the service around the app to which the rule belongs; empty for the app's own rules.
	Service string `json:"service,omitempty"`
}

// AppReloaded is a save that is live: every open tab that uses the file has run the script to its end.
type AppReloaded struct {
	Trigger  string       `json:"trigger"` // the path that changed
	MS       int64        `json:"ms"`      // from the save to the end of the script
	Sessions int          `json:"sessions"`
	How      ReloadMethod `json:"how"`
}

// AppException is an exception that the app's script raised, or the reason it does not compile.
type AppException struct {
	Exception string `json:"exception"` // type, for example "ZeroDivisionError"
	Message   string `json:"message"`
	File      string `json:"file"` // relative to the project if inside it, with slashes
	Line      int    `json:"line"` // from 1; 0 if unknown
	Page      string `json:"page"` // name of the page that ran; empty for the main page
}

// RerunTrigger says why a script ran.
type RerunTrigger string

// The reasons for a run of a script.
const (
	RerunLoad       RerunTrigger = "load"       // a tab opened, or returned to an app that was replaced
	RerunNavigation RerunTrigger = "navigation" // the tab shows another page than before
	RerunWidget     RerunTrigger = "widget"     // somebody used a widget of the page
	RerunFragment   RerunTrigger = "fragment"   // only a fragment ran: somebody used a widget in it, or its timer was due
	RerunSave       RerunTrigger = "save"       // a file of the app was saved
)

// AppRerun is one run of the app's script in one tab, once it has ended.
type AppRerun struct {
	Page      string       `json:"page"` // name of the page; empty for the main page
	Trigger   RerunTrigger `json:"trigger"`
	MS        int64        `json:"ms"`        // from its start to its end
	Exception string       `json:"exception"` // type of the exception with which it ended; empty without one
	// Interrupted says that another run took its place before it had ended, or that the tab closed.
	Interrupted bool `json:"interrupted,omitempty"`
}

// SessionOpened is a browser tab that connected.
type SessionOpened struct {
	Sessions int    `json:"sessions"` // tabs connected now
	User     string `json:"user"`     // empty if nobody signed in
}

// SessionClosed is a browser tab that disconnected.
type SessionClosed struct {
	Sessions int    `json:"sessions"`
	User     string `json:"user"`
}

// AuthLogin is somebody who signed in at the local provider.
type AuthLogin struct {
	User   string `json:"user"`   // e-mail address
	Client string `json:"client"` // the program that requested the sign-in
	Reason string `json:"reason"` // how: "picked", "already signed in", "current user", …
}

// AuthDenied is a sign-in or a request at the local provider that was refused.
type AuthDenied struct {
	User   string `json:"user"` // empty if the request named nobody
	Client string `json:"client"`
	Reason string `json:"reason"` // what was wrong, for people
}

// AuthLogout is somebody who signed out at the local provider.
type AuthLogout struct {
	User   string `json:"user"`
	Client string `json:"client"`
	Reason string `json:"reason"`
}

// AuthFault is a requested fault that took effect.
type AuthFault struct {
	Fault  string `json:"fault"`
	Where  string `json:"where"` // endpoint of the provider: "token", "authorize", …
	User   string `json:"user"`
	Client string `json:"client"`
	Left   int    `json:"left"` // how many more times it will take effect; 0: this was the last; or UntilCleared
}

// UntilCleared is AuthFault.Left of a fault that takes effect until somebody clears it. It is -1 in the JSON.
const UntilCleared = -1

// LogLine is a line that a service printed, without control sequences.
type LogLine struct {
	Service string `json:"service"`
	Stream  string `json:"stream"` // stdout, stderr
	Text    string `json:"text"`
}

// LogDropped is the number of log lines, or of events of the gateway, that did not reach a reader.
type LogDropped struct {
	N int `json:"n"`
}

// Warning is a surprise that does not stop the command.
type Warning struct {
	Code    Code   `json:"code"`
	Message string `json:"message"`
	Hint    string `json:"hint"`
}

// Failed is an [Error] as an event. As the last event of a stream it is the reason why the command ended.
type Failed struct {
	Code    Code   `json:"code"`
	Message string `json:"message"`
	Hint    string `json:"hint"`
	File    string `json:"file,omitempty"`
	Line    int    `json:"line,omitempty"`
	Exit    int    `json:"exit"`
}

// Stopped means that the project that this command ran has stopped.
type Stopped struct {
	MS int64 `json:"ms"` // from the request to the end; 0 if this command did not request it
	// Project is its name, if the command stops several.
	Project string `json:"project,omitempty"`
}

func (PlanMade) Type() string      { return "plan" }
func (BuildStep) Type() string     { return "build.step" }
func (BuildDone) Type() string     { return "build.done" }
func (ServiceState) Type() string  { return "service.state" }
func (Ready) Type() string         { return "ready" }
func (FileChanged) Type() string   { return "file.changed" }
func (AppReloaded) Type() string   { return "app.reloaded" }
func (AppException) Type() string  { return "app.exception" }
func (AppRerun) Type() string      { return "app.rerun" }
func (SessionOpened) Type() string { return "session.opened" }
func (SessionClosed) Type() string { return "session.closed" }
func (AuthLogin) Type() string     { return "auth.login" }
func (AuthDenied) Type() string    { return "auth.denied" }
func (AuthLogout) Type() string    { return "auth.logout" }
func (AuthFault) Type() string     { return "auth.fault" }
func (LogLine) Type() string       { return "log" }
func (LogDropped) Type() string    { return "log.dropped" }
func (Warning) Type() string       { return "warning" }
func (Failed) Type() string        { return "error" }
func (Stopped) Type() string       { return "stopped" }

func (PlanMade) event()      {}
func (BuildStep) event()     {}
func (BuildDone) event()     {}
func (ServiceState) event()  {}
func (Ready) event()         {}
func (FileChanged) event()   {}
func (AppReloaded) event()   {}
func (AppException) event()  {}
func (AppRerun) event()      {}
func (SessionOpened) event() {}
func (SessionClosed) event() {}
func (AuthLogin) event()     {}
func (AuthDenied) event()    {}
func (AuthLogout) event()    {}
func (AuthFault) event()     {}
func (LogLine) event()       {}
func (LogDropped) event()    {}
func (Warning) event()       {}
func (Failed) event()        {}
func (Stopped) event()       {}
