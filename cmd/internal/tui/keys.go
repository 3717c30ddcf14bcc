package tui

import (
	"slices"
	"strings"
)

// command is the meaning of a key or of an entry in the palette.
type command string

// The commands.
const (
	cmdLeave        command = "leave"
	cmdStop         command = "stop"
	cmdHelp         command = "help"
	cmdPalette      command = "palette"
	cmdNextPane     command = "next pane"
	cmdPreviousPane command = "previous pane"
	cmdOverview     command = "overview"
	cmdLogs         command = "logs"
	cmdBuild        command = "build"
	cmdAuth         command = "auth"
	cmdDeploy       command = "deploy"
	cmdPages        command = "pages"
	cmdBack         command = "back"
	cmdSuspend      command = "suspend"
	cmdMouse        command = "mouse"

	cmdStart       command = "start"
	cmdOpen        command = "open"
	cmdRestart     command = "restart"
	cmdRebuild     command = "rebuild"
	cmdShell       command = "shell"
	cmdSwitch      command = "switch"
	cmdDown        command = "down"
	cmdDownVolumes command = "down, volumes too"

	cmdUp       command = "up"
	cmdDownward command = "downward"
	cmdPageUp   command = "page up"
	cmdPageDown command = "page down"
	cmdTop      command = "top"
	cmdBottom   command = "bottom"

	cmdFollow      command = "follow"
	cmdSearch      command = "search"
	cmdNext        command = "next match"
	cmdPrevious    command = "previous match"
	cmdFilter      command = "filter"
	cmdService     command = "service"
	cmdWrap        command = "wrap"
	cmdTimes       command = "times"
	cmdMark        command = "mark"
	cmdNextMark    command = "next mark"
	cmdNextError   command = "next error"
	cmdPriorError  command = "previous error"
	cmdSave        command = "save"
	cmdCopy        command = "copy"
	cmdCopyToMark  command = "copy to mark"
	cmdClear       command = "clear"
	cmdSignIn      command = "sign in as"
	cmdOpenAs      command = "open as"
	cmdAsk         command = "ask who"
	cmdFault       command = "fault"
	cmdClearFaults command = "clear faults"
	cmdClockOn     command = "clock on"
	cmdClockBack   command = "clock back"
	cmdRotate      command = "rotate keys"
	cmdCheck       command = "check what ships"
	cmdRender      command = "render files"
)

// paneCommands are the commands that show a pane, in the order of [newPanes].
func paneCommands() []command {
	return []command{cmdOverview, cmdLogs, cmdBuild, cmdAuth, cmdDeploy, cmdPages}
}

// scope is where a key applies.
type scope string

// The scopes. A pane's keys take precedence over those of everywhere.
const (
	everywhere scope = "Everywhere"
	inOverview scope = "Overview"
	inLogs     scope = "Logs"
	inBuild    scope = "Build"
	inAuth     scope = "Auth"
	inDeploy   scope = "Deploy"
	inPages    scope = "Pages"
)

// binding is a row of the table of keys, from which footer, help and palette are made.
type binding struct {
	scope   scope
	command command
	keys    []string // Bubble Tea's names; none if only the palette has the command
	short   string   // for the footer; "" leaves it out
	about   string   // for help and palette
	offer   bool     // whether the palette has it
}

// table lists all keys and all actions of the palette.
func table() []binding {
	return []binding{
		{inOverview, cmdUp, []string{"up", "k"}, "", "scroll up", false},
		{inOverview, cmdDownward, []string{"down", "j"}, "", "scroll down", false},
		{inOverview, cmdPageUp, []string{"pgup", "ctrl+b"}, "", "one screen up", false},
		{inOverview, cmdPageDown, []string{"pgdown", "ctrl+f"}, "", "one screen down", false},
		{inOverview, cmdTop, []string{"g", "home"}, "", "to the top", false},
		{inOverview, cmdBottom, []string{"G", "end"}, "", "to the bottom", false},

		{inLogs, cmdFollow, []string{"space"}, "follow", "pause, or follow the newest line", true},
		{inLogs, cmdSearch, []string{"/"}, "search", "search: text, or /regular expression/", true},
		{inLogs, cmdNext, []string{"n"}, "", "next match", false},
		{inLogs, cmdPrevious, []string{"N"}, "", "previous match", false},
		{inLogs, cmdFilter, []string{"f"}, "filter", "filter: text, /regexp/, level:error, service:NAME, -text", true},
		{inLogs, cmdService, []string{"v"}, "service", "show one service after the other, or all", true},
		{inLogs, cmdNextError, []string{"e"}, "errors", "next error", true},
		{inLogs, cmdPriorError, []string{"E"}, "", "previous error", true},
		{inLogs, cmdWrap, []string{"w"}, "wrap", "wrap or cut long lines", true},
		{inLogs, cmdTimes, []string{"t"}, "times", "show the time of each line", true},
		{inLogs, cmdMark, []string{"m"}, "", "mark the line", false},
		{inLogs, cmdNextMark, []string{"'"}, "", "next mark", false},
		{inLogs, cmdCopy, []string{"y"}, "copy", "copy the line to the clipboard", true},
		{inLogs, cmdCopyToMark, []string{"Y"}, "", "copy from the mark to the line", true},
		{inLogs, cmdSave, []string{"ctrl+s"}, "save", "save the shown lines to a file", true},
		{inLogs, cmdClear, []string{"c"}, "", "clear the log", true},
		{inLogs, cmdUp, []string{"up", "k"}, "", "one line up", false},
		{inLogs, cmdDownward, []string{"down", "j"}, "", "one line down", false},
		{inLogs, cmdPageUp, []string{"pgup", "ctrl+b"}, "", "one screen up", false},
		{inLogs, cmdPageDown, []string{"pgdown", "ctrl+f"}, "", "one screen down", false},
		{inLogs, cmdTop, []string{"g", "home"}, "", "oldest line", false},
		{inLogs, cmdBottom, []string{"G", "end"}, "", "newest line, and follow", false},
		{inLogs, cmdBack, []string{"esc"}, "", "clear search and filter", false},

		{inBuild, cmdUp, []string{"up", "k"}, "", "scroll up", false},
		{inBuild, cmdDownward, []string{"down", "j"}, "", "scroll down", false},
		{inBuild, cmdPageUp, []string{"pgup", "ctrl+b"}, "", "one screen up", false},
		{inBuild, cmdPageDown, []string{"pgdown", "ctrl+f"}, "", "one screen down", false},
		{inBuild, cmdTop, []string{"g", "home"}, "", "to the top", false},
		{inBuild, cmdBottom, []string{"G", "end"}, "", "to the bottom", false},

		{inAuth, cmdSignIn, []string{"enter"}, "sign in", "sign this person in at the next login", true},
		{inAuth, cmdOpenAs, []string{"O"}, "open as", "the same, and open the app in the browser", true},
		{inAuth, cmdAsk, []string{"a"}, "ask", "show the sign-in page at the next login", true},
		{inAuth, cmdFault, []string{"f"}, "fault", "make the provider fail once, in a way you choose", true},
		{inAuth, cmdClearFaults, []string{"F"}, "clear faults", "clear all faults", true},
		{inAuth, cmdClockOn, []string{"+"}, "clock", "move the provider's clock forward by an hour", true},
		{inAuth, cmdClockBack, []string{"-"}, "", "move the provider's clock back by an hour", true},
		{inAuth, cmdRotate, []string{"K"}, "", "rotate the provider's signing keys", true},
		{inAuth, cmdUp, []string{"up", "k"}, "", "previous person", false},
		{inAuth, cmdDownward, []string{"down", "j"}, "", "next person", false},
		{inAuth, cmdPageUp, []string{"pgup", "ctrl+b"}, "", "one screen up", false},
		{inAuth, cmdPageDown, []string{"pgdown", "ctrl+f"}, "", "one screen down", false},

		{inDeploy, cmdCheck, []string{"c"}, "check", "check for problems that block this target", true},
		{inDeploy, cmdRender, []string{"enter"}, "render", "render the files that this target needs", true},
		{inDeploy, cmdUp, []string{"up", "k"}, "", "previous target", false},
		{inDeploy, cmdDownward, []string{"down", "j"}, "", "next target", false},
		{inDeploy, cmdPageUp, []string{"pgup", "ctrl+b"}, "", "one screen up", false},
		{inDeploy, cmdPageDown, []string{"pgdown", "ctrl+f"}, "", "one screen down", false},
		{inDeploy, cmdTop, []string{"g", "home"}, "", "to the top", false},
		{inDeploy, cmdBottom, []string{"G", "end"}, "", "to the bottom", false},

		{inPages, cmdUp, []string{"up", "k"}, "", "scroll up", false},
		{inPages, cmdDownward, []string{"down", "j"}, "", "scroll down", false},
		{inPages, cmdPageUp, []string{"pgup", "ctrl+b"}, "", "one screen up", false},
		{inPages, cmdPageDown, []string{"pgdown", "ctrl+f"}, "", "one screen down", false},
		{inPages, cmdTop, []string{"g", "home"}, "", "to the top", false},
		{inPages, cmdBottom, []string{"G", "end"}, "", "to the bottom", false},

		{everywhere, cmdStart, []string{"u"}, "start", "start the project, or supervise a running one", true},
		{everywhere, cmdOpen, []string{"o"}, "open", "open the app in the browser", true},
		{everywhere, cmdRestart, []string{"r"}, "restart", "restart the app", true},
		{everywhere, cmdRebuild, []string{"b"}, "rebuild", "rebuild the image, and replace the app if it changed", true},
		{everywhere, cmdShell, []string{"s"}, "shell", "open a shell in the app's container", true},
		{everywhere, cmdSwitch, []string{"x"}, "mode", "switch the login mode: bypassed or real", true},
		{everywhere, cmdDown, []string{"D"}, "", "stop and remove the containers", true},
		{everywhere, cmdDownVolumes, nil, "", "stop and remove the containers and the volumes with their data", true},
		{everywhere, cmdOverview, []string{"1"}, "", "overview", true},
		{everywhere, cmdLogs, []string{"2"}, "", "logs", true},
		{everywhere, cmdBuild, []string{"3"}, "", "build", true},
		{everywhere, cmdAuth, []string{"4"}, "", "auth", true},
		{everywhere, cmdDeploy, []string{"5"}, "", "deploy", true},
		{everywhere, cmdPages, []string{"6"}, "", "pages", true},
		{everywhere, cmdNextPane, []string{"tab"}, "", "next pane", false},
		{everywhere, cmdPreviousPane, []string{"shift+tab"}, "", "previous pane", false},
		{everywhere, cmdPalette, []string{":", "ctrl+p"}, "actions", "find an action by its name", false},
		{everywhere, cmdHelp, []string{"?"}, "help", "show the keys", true},
		{everywhere, cmdMouse, []string{"M"}, "", "switch mouse support on or off", true},
		{everywhere, cmdSuspend, []string{"ctrl+z"}, "", "suspend the dashboard", false},
		{everywhere, cmdLeave, []string{"q"}, "leave", "leave the dashboard", true},
		{everywhere, cmdStop, []string{"ctrl+c"}, "", "stop what this dashboard started, and leave", false},
	}
}

// find returns the command of a key in a scope.
func find(in scope, key string) (command, bool) {
	for _, where := range []scope{in, everywhere} {
		for _, b := range table() {
			if b.scope == where && slices.Contains(b.keys, key) {
				return b.command, true
			}
		}
	}
	return "", false
}

// keyOf is the displayed name of a command's first key.
func keyOf(in scope, c command) string {
	for _, where := range []scope{in, everywhere} {
		for _, b := range table() {
			if b.scope == where && b.command == c && len(b.keys) > 0 {
				return keyName(b.keys[0])
			}
		}
	}
	return ""
}

// keyName is the displayed name of a key.
func keyName(key string) string {
	switch key {
	case "up":
		return "↑"
	case "down":
		return "↓"
	case "enter":
		return "⏎"
	case "pgup":
		return "PgUp"
	case "pgdown":
		return "PgDn"
	}
	return strings.Replace(key, "ctrl+", "^", 1)
}
