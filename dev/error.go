package dev

import (
	"errors"
	"fmt"
)

// Exit codes of the program. The meanings are in [ExitCodes].
const (
	ExitOK          = 0
	ExitFailed      = 1
	ExitUsage       = 2
	ExitProject     = 3
	ExitEngine      = 4
	ExitNotReady    = 5
	ExitInterrupted = 130
)

// ExitCode is a row of the table that help, README and tests share.
type ExitCode struct {
	Code  int
	About string
}

// ExitCodes is the whole table, in order.
func ExitCodes() []ExitCode {
	return []ExitCode{
		{ExitOK, "done"},
		{ExitFailed, "failed"},
		{ExitUsage, "wrong usage"},
		{ExitProject, "bad project or compose file"},
		{ExitEngine, "container engine unreachable"},
		{ExitNotReady, "a service never became ready"},
		{ExitInterrupted, "interrupted"},
	}
}

// Code is the stable dotted name of a kind of error or warning.
type Code string

// The kinds of errors and warnings. [Codes] documents each.
const (
	CodeInternal          Code = "internal"
	CodeInterrupted       Code = "interrupted"
	CodeUsage             Code = "usage"
	CodeProjectMissing    Code = "project.missing"
	CodeProjectInvalid    Code = "project.invalid"
	CodeAssumed           Code = "project.assumed"
	CodeComposeSyntax     Code = "compose.syntax"
	CodeComposeInvalid    Code = "compose.invalid"
	CodeComposeKey        Code = "compose.unsupported"
	CodeComposeVariable   Code = "compose.variable"
	CodeComposeEnvFile    Code = "compose.env-file"
	CodeXSdev             Code = "x-sdev.invalid"
	CodeAppMissing        Code = "app.missing"
	CodeAppAmbiguous      Code = "app.ambiguous"
	CodeAppExited         Code = "app.exited"
	CodeAppNotReady       Code = "app.not-ready"
	CodeEngineUnreachable Code = "engine.unreachable"
	CodeEnginePermission  Code = "engine.permission"
	CodeEngineFar         Code = "engine.far"
	CodeEngineTooOld      Code = "engine.too-old"
	CodeEngine            Code = "engine.failed"
	CodeImageMissing      Code = "image.missing"
	CodeImagePlatform     Code = "image.platform"
	CodeImageOld          Code = "image.old"
	CodeImageInvalid      Code = "image.invalid"
	CodeBuildFailed       Code = "build.failed"
	CodeBuildCA           Code = "build.ca"
	CodeBuildProxy        Code = "build.proxy"
	CodePortTaken         Code = "port.taken"
	CodePortMoved         Code = "port.moved"
	CodeBusy              Code = "project.busy"
	CodeElsewhere         Code = "project.elsewhere"
	CodeNotRunning        Code = "project.not-running"
	CodeServiceUnknown    Code = "service.unknown"
	CodeServiceExited     Code = "service.exited"
	CodeServiceUnhealthy  Code = "service.unhealthy"
	CodeVolumeChanged     Code = "volume.changed"
	CodeVolumeKept        Code = "volume.kept"
	CodeStateUnsafe       Code = "state.unsafe"
	CodeMountStale        Code = "mount.stale"
	CodeAWSMissing        Code = "aws.missing"
	CodeAWSExpired        Code = "aws.expired"
	CodeAWSProfile        Code = "aws.profile"
	CodeAWSLogin          Code = "aws.login"
	CodeAuthMode          Code = "auth.mode"
	CodeAuthBypass        Code = "auth.bypass"
	CodeAuthSecrets       Code = "auth.secrets"
	CodeAuthBoto3         Code = "auth.boto3"
	CodeAuthStreamlit     Code = "auth.streamlit"
	CodeAuthOff           Code = "auth.off"
	CodeAuthInvalid       Code = "auth.invalid"
	CodeAuthFault         Code = "auth.fault"
	CodeAuthState         Code = "auth.state"
	CodeAuthBackChannel   Code = "auth.back-channel"
	CodeOrigin            Code = "origin.refused"
	CodeForged            Code = "header.dropped"
	CodeCAInvalid         Code = "ca.invalid"
	CodeReloadNoTab       Code = "reload.no-tab"
	CodeReloadUnseen      Code = "reload.unseen"
	CodeReloadOff         Code = "reload.off"
	CodeRebuildPending    Code = "rebuild.pending"
	CodeWatchLimit        Code = "watch.limit"
	CodeWatchSilent       Code = "watch.silent"
	CodeSyncFailed        Code = "sync.failed"
	CodeSyncExec          Code = "sync.exec"
	CodeSyncUnattended    Code = "sync.unattended"
	CodeScaffoldTarget    Code = "scaffold.target"
	CodeScaffoldConflict  Code = "scaffold.conflict"
	CodeScaffoldName      Code = "scaffold.name"
	CodeScaffoldGit       Code = "scaffold.git"
	CodeDeployValue       Code = "deploy.value"
	CodeDeployBlocked     Code = "deploy.blocked"
	CodeDeployConflict    Code = "deploy.conflict"
	CodeDeployChanged     Code = "deploy.changed"
	CodeDeployDir         Code = "deploy.folder"
	CodeDeployRecord      Code = "deploy.record"
	CodeGitFailed         Code = "git.failed"
)

// CodeDoc documents a code.
type CodeDoc struct {
	Code  Code
	About string
}

// Codes documents every code, in the order in which help prints them.
func Codes() []CodeDoc {
	return []CodeDoc{
		{CodeInternal, "a fault in sdev itself"},
		{CodeInterrupted, "stopped by a signal"},
		{CodeUsage, "a flag or argument that does not fit"},
		{CodeProjectMissing, "no project here: neither a compose file, here or above, nor a Streamlit app"},
		{CodeProjectInvalid, "the project as a whole cannot be used"},
		{CodeAssumed, "warning: something that no file of the project says, and what it was taken for"},
		{CodeComposeSyntax, "the compose file is not YAML"},
		{CodeComposeInvalid, "the compose file does not follow the Compose Specification"},
		{CodeComposeKey, "a compose key that sdev does not apply"},
		{CodeComposeVariable, "a variable of the compose file is not set"},
		{CodeComposeEnvFile, "an env_file that is not there or cannot be read"},
		{CodeXSdev, "an x-sdev setting that is unknown or has a wrong value"},
		{CodeAppMissing, "no service of the compose file is recognisably the Streamlit app"},
		{CodeAppAmbiguous, "several scripts may be the one that Streamlit is to run"},
		{CodeAppExited, "the app ended before its page answered"},
		{CodeAppNotReady, "the app's page did not answer in time"},
		{CodeEngineUnreachable, "the container engine does not answer"},
		{CodeEnginePermission, "the container engine's socket may not be opened by this user"},
		{CodeEngineFar, "the container engine publishes ports on a machine of its own"},
		{CodeEngineTooOld, "the container engine is older than sdev supports"},
		{CodeEngine, "the container engine refused a request"},
		{CodeImageMissing, "an image is neither here nor to be had from its registry"},
		{CodeImagePlatform, "an image is for another kind of machine than the engine's"},
		{CodeImageOld, "warning: an image that is to be pulled each time could not be, so the one that is here runs"},
		{CodeImageInvalid, "an image, or an archive of one, that cannot be read"},
		{CodeBuildFailed, "an image build ended with an error"},
		{CodeBuildCA, "warning: a build whose steps do not know the extra CA"},
		{CodeBuildProxy, "warning: a Dockerfile that puts the machine's proxy into the image"},
		{CodePortTaken, "a port that was asked for is used by something else"},
		{CodePortMoved, "warning: the usual port was taken, so another one is used"},
		{CodeBusy, "another sdev is changing this project right now"},
		{CodeElsewhere, "a project of the same name belongs to another directory; as a warning: a volume that is used here does"},
		{CodeNotRunning, "the project does not run"},
		{CodeServiceUnknown, "no such service"},
		{CodeServiceExited, "a service that others wait for ended; as a warning: a service of the project ended"},
		{CodeServiceUnhealthy, "a service that others wait for is unhealthy, or does not become healthy in time"},
		{CodeVolumeChanged, "a volume's settings changed, and recreating it would lose what is in it"},
		{CodeVolumeKept, "warning: a volume of the project's name stays, because it is not this directory's alone"},
		{CodeStateUnsafe, "sdev's own directory, or something in it, is a link or somebody else's, and is neither read nor written"},
		{CodeMountStale, "warning: a file that is mounted by itself is not followed when it is saved"},
		{CodeAWSMissing, "warning: there is no ~/.aws to mount"},
		{CodeAWSExpired, "warning: the AWS login has run out"},
		{CodeAWSProfile, "an AWS profile that this machine does not have"},
		{CodeAWSLogin, "the AWS profile gives no credentials: a login is needed, or what makes them failed"},
		{CodeAuthMode, "the code does not tell which login it has, or has none that can be tried"},
		{CodeAuthBypass, "warning: the code, or a file of the project, decides by itself whether the login is bypassed"},
		{CodeAuthSecrets, "a secrets.toml that cannot be read"},
		{CodeAuthBoto3, "a boto3 too old to be led to the local parameter store"},
		{CodeAuthStreamlit, "warning: a Streamlit whose st.login has known faults"},
		{CodeAuthOff, "the project runs with its login bypassed, so nobody signs in"},
		{CodeAuthInvalid, "a setting of the local sign-in that cannot be used: issuer, profile, people, clients"},
		{CodeAuthFault, "a fault of the local sign-in that there is none of, or parameters that it does not take"},
		{CodeAuthState, "the local sign-in's keys and sessions cannot be kept; as a warning: they were damaged, and are recreated"},
		{CodeAuthBackChannel, "warning: a client that could not be told that somebody signed out"},
		{CodeOrigin, "warning: a page that is not the app's own was refused; x-sdev.origins lets pages in"},
		{CodeForged, "warning: a browser sent a header by which front doors say who somebody is, or more cookies than fit; dropped"},
		{CodeCAInvalid, "the extra CA file cannot be read or holds no certificate"},
		{CodeReloadNoTab, "warning: a save that no browser tab could show, because none is open"},
		{CodeReloadUnseen, "warning: a save after which no open tab ran its script"},
		{CodeReloadOff, "warning: the app's settings switch reloading off"},
		{CodeRebuildPending, "warning: a change that needs a rebuild while nobody is there to do it"},
		{CodeWatchLimit, "warning: the system's limit of file watches is reached"},
		{CodeWatchSilent, "warning: saves on this machine are not noticed inside containers, so they are copied"},
		{CodeSyncFailed, "a file, or a whole project, that could not be copied into its container"},
		{CodeSyncExec, "warning: a sync+exec command that failed"},
		{CodeSyncUnattended, "warning: saves are copied only while sdev up runs"},
		{CodeScaffoldTarget, "the directory cannot take a project"},
		{CodeScaffoldConflict, "files are in the way that differ from what would be written"},
		{CodeScaffoldName, "a name that cannot be used for a project"},
		{CodeScaffoldGit, "the project is made, but not the git repository around it"},
		{CodeDeployValue, "a value of the hand-off that is missing, or that its place cannot take"},
		{CodeDeployBlocked, "something that must not ship, so nothing is handed over"},
		{CodeDeployConflict, "an edit of a rendered file, and a change of what is rendered there, that cannot both be kept by themselves"},
		{CodeDeployChanged, "with --check: the files on disk are not what would be rendered"},
		{CodeDeployDir, "the directory cannot take the files of the hand-off"},
		{CodeDeployRecord, "the record of the last hand-off cannot be used"},
		{CodeGitFailed, "git cannot read the repository around the project"},
	}
}

// Error is a failure with everything its reader needs: what, where, what to do, and how the
// program exits. It is made where the meaning is known and printed once, at the very end.
type Error struct {
	Code    Code
	Message string // lower case, no trailing full stop
	Hint    string // the command or edit that helps; may be empty
	File    string // with Line: where in a file of the user's
	Line    int    // from 1; 0 if unknown
	Exit    int
	Cause   error
}

// Error is file:line and the message; the cause is not repeated.
func (e *Error) Error() string {
	switch {
	case e.File != "" && e.Line > 0:
		return fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.Message)
	case e.File != "":
		return fmt.Sprintf("%s: %s", e.File, e.Message)
	}
	return e.Message
}

func (e *Error) Unwrap() error { return e.Cause }

// Event is the error as the last event of a stream.
func (e *Error) Event() Failed {
	return Failed{Code: e.Code, Message: e.Message, Hint: e.Hint, File: e.File, Line: e.Line, Exit: e.Exit}
}

// AsError gives err as an *Error. Errors of other kinds become CodeInternal, exit 1.
func AsError(err error) *Error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	return &Error{Code: CodeInternal, Message: err.Error(), Exit: ExitFailed, Cause: err}
}

// UsageError is an error about a command line: exit code 2.
func UsageError(message, hint string) *Error {
	return &Error{Code: CodeUsage, Message: message, Hint: hint, Exit: ExitUsage}
}
